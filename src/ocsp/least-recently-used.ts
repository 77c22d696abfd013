interface Node<V> {
  readonly key: string;
  readonly value: V;
  readonly bytes: number;
  newer: Node<V> | null;
  older: Node<V> | null;
}

/** A map of bounded size in bytes; what was not read for the longest time goes first. */
export class LeastRecentlyUsed<V> {
  private readonly nodes = new Map<string, Node<V>>();
  private newest: Node<V> | null = null;
  private oldest: Node<V> | null = null;
  private total = 0;

  constructor(private readonly maxBytes: number) {}

  get size(): number {
    return this.nodes.size;
  }

  /** What the values were said to take. */
  get bytes(): number {
    return this.total;
  }

  get(key: string): V | undefined {
    const node = this.nodes.get(key);
    if (node === undefined) return undefined;
    if (node !== this.newest) {
      this.unlink(node);
      this.link(node);
    }
    return node.value;
  }

  /** A value that is larger than the whole is not kept. */
  set(key: string, value: V, bytes: number): void {
    this.delete(key);
    if (bytes > this.maxBytes) return;
    const node: Node<V> = { key, value, bytes, newer: null, older: null };
    this.nodes.set(key, node);
    this.link(node);
    this.total += bytes;
    while (this.total > this.maxBytes && this.oldest !== null) this.delete(this.oldest.key);
  }

  delete(key: string): void {
    const node = this.nodes.get(key);
    if (node === undefined) return;
    this.nodes.delete(key);
    this.unlink(node);
    this.total -= node.bytes;
  }

  clear(): void {
    this.nodes.clear();
    this.newest = null;
    this.oldest = null;
    this.total = 0;
  }

  private link(node: Node<V>): void {
    node.older = this.newest;
    if (this.newest === null) this.oldest = node;
    else this.newest.newer = node;
    this.newest = node;
  }

  private unlink(node: Node<V>): void {
    if (node.newer === null) this.newest = node.older;
    else node.newer.older = node.older;
    if (node.older === null) this.oldest = node.newer;
    else node.older.newer = node.newer;
    node.newer = null;
    node.older = null;
  }
}
