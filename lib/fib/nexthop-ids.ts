/** Numbers of nexthop objects: which are ours follows from the table and the metric of our routes. */

/** Objects of one Fib: numbers from {@link rangeStart} on. */
const RANGE = 2 ** 18;
/** All Fibs: 0x40000000 to 0x4fffffff. */
const FIRST = 0x40000000;
const RANGES = 2 ** 10;

/** First of the numbers that objects of a Fib with this table and metric have. */
export function rangeStart(table: number, metric: number): number {
  return FIRST + (hash(`${table} ${metric}`) % RANGES) * RANGE;
}

/** Whether a number is one of those of the Fib whose range begins at `first`. */
export function isInRange(id: number, first: number): boolean {
  return id >= first && id < first + RANGE;
}

/**
 * The number for an object's name, the same in each run unless it was taken.
 * @param isFree whether a number of the range may be used
 * @param most    how many are tried
 * @returns 0: none may
 */
export function freeId(name: string, first: number, isFree: (id: number) => boolean, most = RANGE): number {
  const from = hash(name) % RANGE;
  for (let n = 0; n < most; n++) {
    const id = first + ((from + n) % RANGE);
    if (isFree(id)) return id;
  }
  return 0;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
