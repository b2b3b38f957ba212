/** The speaker's side of the FIB: which routes go to the kernel, and how next hops are reached. */
import type { Fib } from '../fib/fib.js';
import type { Clock } from '../net/index.js';
import { metricsOf } from '../policy/fib-policy.js';
import type { ChainOptions, PolicyBook, PolicyChain } from '../policy/policy-chain.js';
import { Multipath } from '../rib/multipath.js';
import type { Rib } from '../rib/rib.js';
import { FibBridge } from './fib-bridge.js';
import { KernelChoice } from './kernel-choice.js';
import type { NextHopResolver } from './next-hop-resolver.js';
import type { SpeakerConfig } from './options.js';
import type { Originator } from './originate.js';
import { Recursion } from './recursion.js';
import type { WorkLoop } from './work-loop.js';

export interface KernelRoutesOptions {
  readonly config: SpeakerConfig;
  readonly policies: PolicyBook;
  readonly fib: Fib;
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  readonly originator: Originator;
  readonly resolver: NextHopResolver;
  /** No look-up of next hops is due any more. */
  readonly onSettled: () => void;
}

export class KernelRoutes {
  private readonly choice: KernelChoice;
  private readonly bridge: FibBridge;
  private readonly recursion: Recursion;
  private chain: PolicyChain | undefined;

  constructor(private readonly o: KernelRoutesOptions) {
    const { config, fib, rib, loop, clock, originator, resolver, onSettled } = o;
    this.choice = new KernelChoice(originator, fib.metric);
    const { resolveViaBgp: use = true, resolveViaDefault: useDefault = true } = config.fib ?? {};
    resolver.setFib(fib, { rib, choice: this.choice, use, useDefault });
    const onPathsChange = (): void => this.recursion.onChange();
    this.bridge = new FibBridge({ fib, rib, choice: this.choice, resolver, onPathsChange });
    this.recursion = new Recursion({ clock, rib, loop, resolver, bridge: this.bridge, onSettled });
    this.takePolicy(config, o.policies);
    loop.onBestPathChange((family, changed) => {
      this.bridge.apply(family, changed);
      this.recursion.onChange();
    });
    fib.onResolutionChange(() => {
      resolver.forgetAddresses();
      this.recursion.refresh();
    });
  }

  /** Whether next hops are still to be looked up in our own routes. */
  get isPending(): boolean {
    return this.recursion.isPending;
  }

  /** Look up all next hops, also those that nobody told to have changed. */
  refresh(): void {
    this.recursion.refresh();
  }

  /** A route is originated anew. */
  applyLocal(prefix: string): void {
    this.bridge.applyLocal(prefix);
  }

  /** Another configuration holds: routes that policies or multipath make something else of are told anew. */
  reconfigure(config: SpeakerConfig, policies: PolicyBook, multipathChanged: boolean): void {
    const isOther = this.takePolicy(config, policies);
    if (multipathChanged) this.bridge.followPaths();
    if (isOther || multipathChanged) this.o.loop.addJob(this.bridge.reapplyJob());
  }

  /** @returns whether it is another one */
  private takePolicy(config: SpeakerConfig, policies: PolicyBook): boolean {
    const options = fibChainOptions(config);
    const chain = options && policies.chain(options);
    if (chain === this.chain) return false;
    this.chain = chain;
    this.choice.setPolicy(this.o.rib.families, chain);
    if (chain) this.o.fib.ownMetrics(metricsOf(chain));
    return true;
  }

  stop(): void {
    this.recursion.stop();
  }
}

/** What routes go through on their way to the kernel; undefined: all go as they are. */
export function fibChainOptions({ fib }: Pick<SpeakerConfig, 'fib'>): ChainOptions | undefined {
  const { exportPolicy: names = [], defaultExportPolicy } = fib ?? {};
  if (names.length === 0 && defaultExportPolicy !== 'reject') return undefined;
  // As for neighbors: what no policy decides on is rejected.
  return { names, defaultResult: defaultExportPolicy ?? 'reject' };
}

/** Which paths are used at once, by the configuration. */
export function setMultipath(rib: Rib, { multipath }: Pick<SpeakerConfig, 'multipath'>): void {
  for (const family of rib.families) family.multipath = multipath && new Multipath(multipath);
}
