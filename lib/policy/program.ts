/**
 * A chain of policies, compiled for one use: a family, a direction, and on import a neighbor.
 *
 * The outcome for a route depends on its attribute set, and on the answers of a few tests about its prefix and its source.
 * Routes with the same answers are of one *class*, a small number that comes from a binary tree with a level for each
 * test. So the statements run once per (attribute set, class); for a route there is nothing to do but to find its class,
 * and without tests not even that: there is one class.
 */
import type { FamilyName } from '../bgp/wire/families.js';
import { grow, nextCapacity } from '../rib/columns.js';
import type { Source } from '../rib/peer-table.js';
import type { PrefixTable } from '../rib/prefix-table.js';
import { compileActions, type Action } from './actions.js';
import { compileConditions, type Condition, type Test } from './conditions.js';
import type { PolicyChain } from './policy-chain.js';
import { loadPrefix } from './prefix-matcher.js';
import type { RouteDraft } from './route-draft.js';

export interface ProgramContext {
  readonly family: FamilyName;
  /** What `asPathPrepend` puts in when it names no AS. */
  readonly defaultPrependAs: number;
  /** Import: the neighbor. */
  readonly source?: Source | undefined;
  /** IPv4 routes may be given IPv6 next hops (RFC 8950). */
  readonly extendedNextHop?: boolean;
}

interface CompiledStatement {
  readonly condition: Condition;
  readonly actions: readonly Action[];
  readonly result: 'accept' | 'reject' | undefined;
  /** For people: `policy 'customers', statement 2`. */
  readonly name: string;
}

/** What a chain says of a route, and which statement said it. */
export interface Decision {
  readonly accepted: boolean;
  readonly by: string;
}

export class PolicyProgram {
  private readonly statements: readonly CompiledStatement[];
  private readonly tests: readonly Test[];
  private readonly otherwise: Decision;
  /** Answers of the tests for the route being looked at. */
  private readonly bits: Uint8Array;
  /** By class and answer: the class one level deeper, 0 when it was not met yet. Class 0 is the root. */
  private children = new Int32Array(16);
  private classCount = 1;
  private readonly looksAtPrefix: boolean;
  /** Answers about sources, packed: the same few sources come again and again. */
  private lastSource: Source | undefined;

  constructor(chain: PolicyChain, cx: ProgramContext) {
    const tests: Test[] = [];
    const { sets } = chain;
    const compiled: CompiledStatement[] = [];
    for (const { policy, statement, name } of chain.statements()) {
      compiled.push({
        condition: compileConditions(statement.conditions ?? {}, { sets, family: cx.family, source: cx.source, tests }),
        actions: compileActions(statement.actions ?? {}, { sets, ...cx, peerAddress: cx.source?.address }),
        result: statement.actions?.result,
        name: `policy '${policy}', statement ${name}`,
      });
    }
    this.statements = compiled;
    this.tests = tests;
    this.bits = new Uint8Array(tests.length);
    this.looksAtPrefix = tests.some(({ kind }) => kind === 'prefix');
    this.otherwise = { accepted: chain.defaultResult === 'accept', by: chain.defaultReason };
  }

  /** Whether the outcome depends on more than the attribute set. */
  get hasTests(): boolean {
    return this.tests.length > 0;
  }

  /** The class of a route, and the answers of the tests for `run`. */
  classify(prefixes: PrefixTable, prefix: number, source: Source): number {
    const { tests, bits } = this;
    if (this.looksAtPrefix) loadPrefix(prefixes, prefix);
    const sourceIsNew = source !== this.lastSource;
    this.lastSource = source;
    let at = 0;
    for (let i = 0; i < tests.length; i++) {
      const test = tests[i]!;
      if (test.kind === 'prefix') bits[i] = test.matcher.matches() ? 1 : 0;
      else if (sourceIsNew) bits[i] = test.matches(source) ? 1 : 0;
      const child = this.children[at * 2 + bits[i]!]!;
      at = child !== 0 ? child : this.addClass(at * 2 + bits[i]!);
    }
    return at;
  }

  private addClass(slot: number): number {
    const added = this.classCount++;
    const needed = this.classCount * 2;
    if (needed > this.children.length) {
      this.children = grow(this.children, nextCapacity(this.children.length, needed));
    }
    this.children[slot] = added;
    return added;
  }

  /** Run the statements over a draft; the answers are those of the last `classify`. The draft is changed. */
  run(draft: RouteDraft): Decision {
    for (const statement of this.statements) {
      if (!statement.condition(draft, this.bits)) continue;
      for (const action of statement.actions) action(draft);
      if (statement.result !== undefined) return { accepted: statement.result === 'accept', by: statement.name };
    }
    return this.otherwise;
  }
}
