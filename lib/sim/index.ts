/**
 * Virtual time and networks in memory: run the same code as in production, at once and always in the same order.
 * `Network` is a whole network of speakers; the parts below it can be had alone.
 */
export { VirtualClock } from './virtual-clock.js';
export { MemoryNetwork } from './memory-network.js';
export type { MemoryNetworkOptions } from './memory-links.js';
export { MemoryTransport } from './memory-transport.js';
export { seededRandom } from './random.js';
export { FakeKernel, type FakeFailure } from './fake-kernel.js';
export type { FakeRoute } from './fake-route.js';
export { Network, simulate, type ConvergedOptions } from './network/network.js';
export type { HostOptions, RouterOptions, TopologyOptions } from './network/topology.js';
export type { LinkOptions, LinkQuality } from './network/link-options.js';
export { NetworkAssertions } from './network/assertions.js';
export { SimulationError, type NetworkEvent } from './network/events.js';
export { traceText, type Trace } from './network/forwarding.js';
export type { Host } from './network/host.js';
export { Router, type RouterState } from './network/router.js';
export type { Allowed } from './network/settling.js';
export * from './network/builders.js';
export {
  checkInvariants,
  inspect,
  type InvariantOptions,
  type InvariantReport,
  type Violation,
} from './proof/invariants.js';
export { INVARIANTS, type Invariant } from './proof/names.js';
export { Oracle, type Answer, type Choice, type Choices, type Told } from './proof/oracle.js';
export { takeSnapshot, type Snapshot, type PlainRouter } from './proof/snapshot.js';
export type { PlainSession } from './proof/sessions.js';
export type { PlainRoute } from './proof/plain-route.js';
export type { Candidate } from './proof/rules.js';
export type { LostPackets } from './network/plan-packets.js';
export type { LostRoute, PlanOptions, PlanReport, StepReport } from './network/plan.js';
export { planSteps, type NetworkConfig, type PlanAction, type PlanOrder, type PlanStep } from './network/plan-steps.js';
