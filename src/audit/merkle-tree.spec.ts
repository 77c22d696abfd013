import { createHash } from 'node:crypto';
import { hashLeaf, MerkleTree, subtreeRanges } from './merkle-tree.js';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 9162 section 2.1.1, word for word. */
function mth(data: readonly Buffer[]): Buffer {
  if (data.length === 0) return sha256();
  if (data.length === 1) return sha256(Buffer.of(0), data[0]!);
  let k = 1;
  while (k * 2 < data.length) k *= 2;
  return sha256(Buffer.of(1), mth(data.slice(0, k)), mth(data.slice(k)));
}

/** The entries and roots that implementations of Certificate Transparency test with. */
const ENTRIES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const entries = (count: number): Buffer[] => Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`));

function treeOf(data: readonly Buffer[]): MerkleTree {
  const tree = new MerkleTree();
  for (const entry of data) tree.append(hashLeaf(entry));
  return tree;
}

describe('MerkleTree', () => {
  it('has the roots that Certificate Transparency has', () => {
    expect(ROOTS.map((_, size) => treeOf(ENTRIES.slice(0, size)).root().toString('hex'))).toEqual(ROOTS);
  });

  it('has the root of the definition, at every size', () => {
    const data = entries(130);
    const tree = new MerkleTree();
    for (const [index, entry] of data.entries()) {
      tree.append(hashLeaf(entry));
      expect(tree.size).toBe(index + 1);
      expect(tree.root()).toEqual(mth(data.slice(0, index + 1)));
    }
  });

  it('goes on from its frontier as if it had never stopped', () => {
    const data = entries(40);
    for (let cut = 0; cut <= data.length; cut++) {
      const before = treeOf(data.slice(0, cut));
      const after = new MerkleTree(before.size, before.frontier);
      for (const entry of data.slice(cut)) after.append(hashLeaf(entry));
      expect(after.root()).toEqual(mth(data));
    }
  });

  it('tells a leaf from a node, so that two leaves are never taken for one', () => {
    const [left, right] = [hashLeaf(ENTRIES[0]!), hashLeaf(ENTRIES[1]!)];
    expect(hashLeaf(Buffer.concat([left, right]))).not.toEqual(treeOf(ENTRIES.slice(0, 2)).root());
  });

  it('is not changed through its copy or its frontier', () => {
    const tree = treeOf(entries(5));
    const root = tree.root();
    tree.copy().append(hashLeaf(Buffer.from('more')));
    tree.frontier.pop();
    expect([tree.size, tree.root()]).toEqual([5, root]);
  });

  it.each([
    ['too few hashes', 3, 1],
    ['too many', 4, 2],
    ['a hash of an empty tree', 0, 1],
    ['a negative size', -1, 1],
    ['half a leaf', 0.5, 1],
    ['more leaves than can be counted', 2 ** 53, 1],
  ])('is not made of %s', (_, size, hashes) => {
    const frontier = Array.from({ length: hashes }, () => Buffer.alloc(32));
    expect(() => new MerkleTree(size, frontier)).toThrow(RangeError);
  });

  it('is not made of hashes that are none', () => {
    expect(() => new MerkleTree(1, [Buffer.alloc(31)])).toThrow(RangeError);
  });

  it('knows which leaves each hash of its frontier stands for', () => {
    const data = entries(23);
    const tree = treeOf(data);
    const ranges = subtreeRanges(23);
    expect(ranges).toEqual([
      [0, 16],
      [16, 20],
      [20, 22],
      [22, 23],
    ]);
    expect(tree.frontier).toEqual(ranges.map(([start, end]) => mth(data.slice(start, end))));
    expect(subtreeRanges(0)).toEqual([]);
    expect(subtreeRanges(2 ** 48 - 1)).toHaveLength(48);
    expect(subtreeRanges(2 ** 48)).toEqual([[0, 2 ** 48]]);
  });
});
