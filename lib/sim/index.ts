/** Virtual time and networks in memory: run the same code as in production, at once and always in the same order. */
export { VirtualClock } from './virtual-clock.js';
export { MemoryNetwork } from './memory-network.js';
export type { MemoryNetworkOptions } from './memory-links.js';
export { MemoryTransport } from './memory-transport.js';
export { seededRandom } from './random.js';
export { FakeKernel, type FakeFailure, type FakeRoute } from './fake-kernel.js';
