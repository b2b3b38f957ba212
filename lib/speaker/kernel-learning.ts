/**
 * Routes that others wrote into the kernel become routes of ours: those of pods, of connected networks, of another
 * daemon. What BIRD calls `learn` and FRR `redistribute`.
 */
import type { Fib } from '../fib/fib.js';
import type { LearnedRoute } from '../fib/learner.js';
import { protocolName, tableName } from '../fib/names.js';
import { protocolNumbers, tableNumber } from '../io/ip-names.js';
import { parsePrefix } from '../net/index.js';
import { NeighborImportPolicy } from '../policy/import-policy.js';
import type { PolicyBook } from '../policy/policy-chain.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import { learnChainOptions } from './neighbor-policy.js';
import type { LearnOptions } from './options.js';
import type { LocalRouteExtras, Originator } from './originate.js';

/** A learnt route as one rule wants it announced. */
interface Wanted {
  readonly route: LearnedRoute;
  readonly rule: Rule;
}

class Rule {
  readonly routes = new Map<string, LearnedRoute>();
  /** Told of its table as a whole at least once. */
  isComplete = false;
  end: () => void = () => undefined;

  constructor(
    readonly options: LearnOptions,
    readonly policy: NeighborImportPolicy | undefined,
  ) {}

  accepts({ prefix }: LearnedRoute): boolean {
    const { octets, length } = parsePrefix(prefix);
    return length === 0 ? this.options.defaultRoute === true : !isLinkOnly(octets);
  }
}

/** Nothing that means anything to another host: link-local, loopback, multicast. */
function isLinkOnly(octets: Uint8Array): boolean {
  const [first, second] = [octets[0]!, octets[1]!];
  if (octets.length === 4) return first === 127 || first >= 224 || (first === 169 && second === 254);
  if (first === 0xff || (first === 0xfe && (second & 0xc0) === 0x80)) return true;
  return octets.every((octet, i) => octet === (i === 15 ? 1 : 0));
}

/** The numbers of a protocol as a configuration names it. @throws UsageError `bad_protocol` */
function numbersOf(protocol: string | number): number[] {
  // What the kernel makes of the addresses of an interface. `unspec` has the number 0.
  if (protocol === 'connected') return [2];
  return protocol === 'unspec' || protocol === 0 ? [0] : protocolNumbers(protocol);
}

export class KernelLearning {
  private rules: Rule[] = [];
  /** Rules of a new configuration that have not all been told yet; what the old ones learnt stands until then. */
  private next: Rule[] | undefined;
  private readonly announced = new Map<string, Wanted>();

  /** @param onChange routes came, changed or went */
  constructor(
    private readonly fib: Fib,
    private readonly originator: Originator,
    private readonly rib: Rib,
    /** Our own AS, for `asPathPrepend`. */
    private readonly asn: number,
    private readonly onChange: () => void,
  ) {}

  /**
   * Learn by these rules from now on, and forget what none of them accepts.
   * @throws UsageError `bad_table`, `bad_protocol`: nothing is changed then
   */
  configure(options: readonly LearnOptions[], policies: PolicyBook): void {
    const parts = options.map((one) => ({
      rule: new Rule(one, this.policyOf(one, policies)),
      learn: {
        ...(one.table === undefined ? {} : { table: tableNumber(one.table) }),
        ...(one.protocols === undefined ? {} : { protocols: one.protocols.flatMap(numbersOf) }),
        ...(one.devices === undefined ? {} : { device: one.devices }),
        ...(one.within === undefined ? {} : { within: one.within }),
      },
    }));
    for (const rule of this.next ?? []) rule.end();
    this.next = parts.map(({ rule }) => rule);
    for (const { rule, learn } of parts) {
      rule.end = this.fib.learn(learn, ({ learned, gone }) => {
        for (const prefix of gone) rule.routes.delete(prefix);
        for (const route of learned) {
          if (rule.accepts(route)) rule.routes.set(route.prefix, route);
        }
        rule.isComplete = true;
        if (this.rules.includes(rule)) this.refresh([...gone, ...learned.map(({ prefix }) => prefix)]);
        else this.takeOver();
      });
    }
    this.takeOver();
  }

  private policyOf(options: LearnOptions, policies: PolicyBook): NeighborImportPolicy | undefined {
    const chain = learnChainOptions(options);
    if (!chain) return undefined;
    const settings = { peerAs: this.asn, extendedNextHop: false };
    return new NeighborImportPolicy(policies.chain(chain), this.rib.peers.get(LOCAL_SOURCE), settings);
  }

  /** Whether all rules were told what there is. */
  get isComplete(): boolean {
    return this.next === undefined;
  }

  private takeOver(): void {
    if (this.next === undefined || !this.next.every(({ isComplete }) => isComplete)) return;
    for (const rule of this.rules) rule.end();
    this.rules = this.next;
    this.next = undefined;
    this.refresh([...this.announced.keys(), ...this.rules.flatMap(({ routes }) => [...routes.keys()])]);
  }

  /** Bring what is announced for these prefixes in line: of several rules the first one that accepts a route decides. */
  private refresh(prefixes: readonly string[]): void {
    for (const prefix of new Set(prefixes)) {
      const rule = this.rules.find(({ routes }) => routes.has(prefix));
      const known = this.announced.get(prefix);
      if (rule) {
        const route = rule.routes.get(prefix)!;
        if (known?.rule === rule && known.route === route) continue;
        this.announced.set(prefix, { rule, route });
        this.originator.announce(prefix, attributesOf(rule.options), 'learnt', extrasOf(route, rule));
      } else if (known) {
        this.announced.delete(prefix);
        this.originator.withdraw(prefix, 'learnt');
      }
    }
    this.onChange();
  }
}

/** RFC 4271 section 5.1.1: what was learnt by other means than a routing protocol is INCOMPLETE. */
function attributesOf({ origin = 'incomplete', med, localPref, communities, largeCommunities }: LearnOptions) {
  return {
    origin,
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...(communities === undefined ? {} : { communities }),
    ...(largeCommunities === undefined ? {} : { largeCommunities }),
  };
}

function extrasOf({ protocol, metric, hops }: LearnedRoute, { policy, options: { table } }: Rule): LocalRouteExtras {
  const devices = [...new Set(hops.flatMap(({ device }) => (device === undefined ? [] : [device])))];
  return {
    ...(policy === undefined ? {} : { policy }),
    view: () => ({
      protocol: protocolName(protocol),
      devices,
      metric,
      ...(table === undefined ? {} : { table: typeof table === 'number' ? tableName(table) : table }),
    }),
  };
}
