import { createHash } from 'node:crypto';

export const HASH_BYTES = 32;
const LEAF_PREFIX = Buffer.of(0);
const NODE_PREFIX = Buffer.of(1);

/** The hash of a leaf (RFC 9162 section 2.1.1). */
export function hashLeaf(data: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF_PREFIX).update(data).digest();
}

function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest();
}

/**
 * A Merkle tree that only grows (RFC 9162 section 2.1), known by its size and the hashes of its complete subtrees, largest
 * first: 53 hashes at the most, whatever its size.
 */
export class MerkleTree {
  private readonly subtrees: Buffer[];

  /** @throws RangeError when the frontier is not that of a tree of this size */
  constructor(
    private leaves = 0,
    frontier: readonly Buffer[] = [],
  ) {
    const whole = Number.isSafeInteger(leaves) && leaves >= 0;
    if (!whole || frontier.length !== countOnes(leaves) || frontier.some(({ length }) => length !== HASH_BYTES)) {
      throw new RangeError(`a tree of ${leaves} leaves has another frontier`);
    }
    this.subtrees = [...frontier];
  }

  get size(): number {
    return this.leaves;
  }

  get frontier(): Buffer[] {
    return [...this.subtrees];
  }

  copy(): MerkleTree {
    return new MerkleTree(this.leaves, this.subtrees);
  }

  append(leafHash: Buffer): void {
    let hash = leafHash;
    for (let size = this.leaves; size % 2 === 1; size = Math.floor(size / 2))
      hash = hashNode(this.subtrees.pop()!, hash);
    this.subtrees.push(hash);
    this.leaves += 1;
  }

  /** The Merkle Tree Hash; that of the empty tree is the hash of nothing. */
  root(): Buffer {
    const [last, ...others] = this.subtrees.toReversed();
    if (last === undefined) return createHash('sha256').digest();
    return others.reduce((right, left) => hashNode(left, right), last);
  }
}

/** Where the complete subtrees of a tree of this size begin and end, largest first. */
export function subtreeRanges(size: number): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  for (let start = 0; start < size;) {
    let width = 1;
    while (width * 2 <= size - start) width *= 2;
    ranges.push([start, start + width]);
    start += width;
  }
  return ranges;
}

function countOnes(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
