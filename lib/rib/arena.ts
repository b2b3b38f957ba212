/**
 * Octets of many small blocks in a few large chunks: bump allocation, a count of live octets per chunk, chunks without
 * life are given back. Sparse chunks are emptied by their owner (see AttributeStore.compact), which moves the blocks.
 */
const CHUNK_BITS = 18;
const CHUNK_SIZE = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SIZE - 1;
/** The first chunk starts small, so that an idle speaker costs little. */
const FIRST_CHUNK = 1 << 12;

export class Arena {
  /** Chunk of a position: `chunks[position >>> 18]`. An empty array where a chunk was given back. */
  private readonly chunks: Uint8Array[] = [new Uint8Array(FIRST_CHUNK)];
  private readonly live: number[] = [0];
  private current = 0;
  private used = 0;
  /** Octets in blocks that were not freed. */
  liveOctets = 0;

  /** The chunk that holds a position. */
  chunkOf(position: number): Uint8Array {
    return this.chunks[position >>> CHUNK_BITS]!;
  }

  /** Where in its chunk a position lies. */
  static offsetOf(position: number): number {
    return position & CHUNK_MASK;
  }

  /** Copy `bytes[start..end)` (at most 65535 octets) in. @returns its position */
  store(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    let chunk = this.chunks[this.current]!;
    if (this.used + length > chunk.length) {
      if (this.used + length <= CHUNK_SIZE) {
        const larger = new Uint8Array(Math.min(CHUNK_SIZE, Math.max(chunk.length * 4, this.used + length)));
        larger.set(chunk.subarray(0, this.used));
        this.chunks[this.current] = chunk = larger;
      } else {
        const finished = this.current;
        this.current = this.freshChunk();
        if (this.live[finished] === 0) this.giveBack(finished);
        this.used = 0;
        chunk = this.chunks[this.current]!;
      }
    }
    const at = this.used;
    if (length <= 128) for (let i = 0; i < length; i++) chunk[at + i] = bytes[start + i]!;
    else chunk.set(bytes.subarray(start, end), at);
    this.used += length;
    this.live[this.current]! += length;
    this.liveOctets += length;
    return this.current * CHUNK_SIZE + at;
  }

  private freshChunk(): number {
    let index = this.chunks.findIndex((chunk) => chunk.length === 0);
    if (index < 0) index = this.chunks.length;
    this.chunks[index] = new Uint8Array(CHUNK_SIZE);
    this.live[index] = 0;
    return index;
  }

  private giveBack(index: number): void {
    this.chunks[index] = new Uint8Array(0);
  }

  free(position: number, length: number): void {
    const index = position >>> CHUNK_BITS;
    this.live[index]! -= length;
    this.liveOctets -= length;
    if (this.live[index] === 0 && index !== this.current) this.giveBack(index);
  }

  /** Octets held in memory. */
  get size(): number {
    let total = 0;
    for (const chunk of this.chunks) total += chunk.length;
    return total;
  }

  /** Whether more than half of what is held is no longer used. */
  get isSparse(): boolean {
    return this.size > 4 * CHUNK_SIZE && this.liveOctets * 2 < this.size;
  }

  /** Whether the block at a position should move for its chunk to become free. */
  isInSparseChunk(position: number): boolean {
    const index = position >>> CHUNK_BITS;
    return index !== this.current && this.live[index]! * 2 < CHUNK_SIZE;
  }
}
