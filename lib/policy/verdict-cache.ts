import type { AttributeStore } from '../rib/attribute-store.js';

/** Nothing is remembered. */
export const UNKNOWN = -2;
const SMALLEST = 64;
const LARGEST = 1 << 20;

/**
 * What a policy made of (attribute set, class): direct-mapped, so its size is bounded and forgetting is allowed. An entry
 * counts only while both sets live: ids are used again, and the store counts how often.
 */
export class VerdictCache {
  private capacity = SMALLEST;
  private sets = new Int32Array(SMALLEST).fill(-1);
  private generations = new Uint32Array(SMALLEST);
  private classes = new Int32Array(SMALLEST);
  private results = new Int32Array(SMALLEST);
  private resultGenerations = new Uint32Array(SMALLEST);
  /** Entries that had to make room for others, since it grew last. */
  private evictions = 0;

  constructor(private readonly store: AttributeStore) {}

  private slotOf(set: number, cls: number): number {
    return (set + Math.imul(cls, 0x9e3779b1)) & (this.capacity - 1);
  }

  /** @returns a set, -1 for "rejected", or UNKNOWN */
  get(set: number, cls: number): number {
    const { store } = this;
    const slot = this.slotOf(set, cls);
    if (this.sets[slot] !== set || this.classes[slot] !== cls) return UNKNOWN;
    if (this.generations[slot] !== store.generation[set]) return UNKNOWN;
    const result = this.results[slot]!;
    if (result >= 0 && this.resultGenerations[slot] !== store.generation[result]) return UNKNOWN;
    return result;
  }

  put(set: number, cls: number, result: number): void {
    const { store } = this;
    let slot = this.slotOf(set, cls);
    if (this.sets[slot]! >= 0 && (this.sets[slot] !== set || this.classes[slot] !== cls)) {
      if (++this.evictions > this.capacity / 2 && this.capacity < LARGEST) {
        this.enlarge();
        slot = this.slotOf(set, cls);
      }
    }
    this.sets[slot] = set;
    this.generations[slot] = store.generation[set]!;
    this.classes[slot] = cls;
    this.results[slot] = result;
    this.resultGenerations[slot] = result < 0 ? 0 : store.generation[result]!;
  }

  /** Begin anew with four times the room. */
  private enlarge(): void {
    this.capacity *= 4;
    this.evictions = 0;
    this.sets = new Int32Array(this.capacity).fill(-1);
    this.generations = new Uint32Array(this.capacity);
    this.classes = new Int32Array(this.capacity);
    this.results = new Int32Array(this.capacity);
    this.resultGenerations = new Uint32Array(this.capacity);
  }
}
