/** The configuration that runs, with its policies and passwords, and how it becomes another one. */
import { canonicalScopedAddress, parseIpv4, type Transport } from '../net/index.js';
import { PolicyBook } from '../policy/policy-chain.js';
import { checkConfig } from './config.js';
import { diffConfig, type ConfigDiff } from './config-diff.js';
import type { Neighbor } from './neighbor.js';
import type { NeighborOptions, SpeakerConfig } from './options.js';
import { reloadPlan, type ReloadPlan } from './reload-plan.js';
import { Secrets } from './secrets.js';
import { configuredSettings, effectiveSettings } from './settings.js';
import { Sockets } from './sockets.js';

export class RunningConfig {
  readonly sockets: Sockets;
  config: SpeakerConfig;
  /** The policies of `config`. */
  policies: PolicyBook;
  /** Host order: routes that have been through us carry one of these, our own one or that of a client. */
  private clusterIds: ReadonlySet<number>;

  /**
   * @param onClusterIds they are other ones than before
   * @throws ConfigError for a wrong or impossible configuration
   */
  constructor(
    config: SpeakerConfig,
    transport: Transport,
    private readonly onClusterIds: () => void,
  ) {
    this.sockets = new Sockets(transport);
    this.config = this.sockets.check(config);
    this.policies = new PolicyBook(this.config);
    this.clusterIds = clusterIdsOf(this.config);
  }

  isOwnClusterId(id: number): boolean {
    return this.clusterIds.has(id);
  }

  private set(config: SpeakerConfig): void {
    this.config = config;
    const before = this.clusterIds;
    this.clusterIds = clusterIdsOf(config);
    if (before.size !== this.clusterIds.size || [...before].some((id) => !this.clusterIds.has(id))) this.onClusterIds();
  }

  /** @returns its options, checked @throws ConfigError; TransportError when a key cannot be set: nothing is changed then */
  addNeighbor(options: NeighborOptions): NeighborOptions {
    const neighbors = [...(this.config.neighbors ?? []), options];
    const config = this.sockets.check({ ...this.config, neighbors });
    this.sockets.update(config);
    this.set(config);
    return config.neighbors!.at(-1)!;
  }

  /** The listeners still know it until {@link updateSockets}. @param address canonical text */
  removeNeighbor(address: string): void {
    const neighbors = (this.config.neighbors ?? []).filter((n) => canonicalScopedAddress(n.address) !== address);
    this.set({ ...this.config, neighbors });
  }

  updateSockets(): void {
    this.sockets.update(this.config);
  }

  /** What {@link change} would do. @throws ConfigError */
  plan(config: SpeakerConfig, neighbors: readonly Neighbor[]): ReloadPlan {
    const before = this.config;
    const diff = diffConfig(before, checkConfig(config), this.sockets.passwordChanged(new Secrets()));
    return reloadPlan(diff, neighbors, (id) => configuredSettings(before, id));
  }

  /**
   * Another configuration runs from here on, but for what needs a restart.
   * @returns what is different, to be applied @throws ConfigError; TransportError when a key cannot be set: nothing is changed then
   */
  change(config: SpeakerConfig): ConfigDiff {
    const secrets = new Secrets();
    const diff = diffConfig(this.config, this.sockets.check(config, secrets), this.sockets.passwordChanged(secrets));
    this.sockets.update(diff.applied, secrets);
    this.set(diff.applied);
    this.policies = new PolicyBook(diff.applied, this.policies);
    return diff;
  }
}

/** Our own cluster ID, and those of clients, present or expected. */
function clusterIdsOf(config: SpeakerConfig): ReadonlySet<number> {
  const clients = [...(config.neighbors ?? []), ...(config.dynamicNeighbors ?? [])]
    .map((peer) => effectiveSettings(config, peer))
    .filter(({ routeReflectorClient }) => routeReflectorClient);
  return new Set([config.clusterId ?? config.routerId, ...clients.map(({ clusterId }) => clusterId)].map(parseIpv4));
}
