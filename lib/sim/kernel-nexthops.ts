import { routeBody, type Hop, type RouteBody } from '../fib/body.js';
import { KernelError } from '../fib/errors.js';
import type { KernelNexthop, NexthopChange } from '../fib/nexthop.js';

/** What a {@link KernelNexthops} asks of the kernel that it belongs to. */
export interface NexthopHost {
  /** Whether a way can be used. @returns why not, or null */
  check(hop: Hop): KernelError | null;
  /** Objects are gone, and the kernel's routes that refer to them go too. */
  onGone(ids: ReadonlySet<number>): void;
  onChange(nexthop: KernelNexthop, deleted: boolean): void;
}

/** The nexthop objects of a {@link FakeKernel}, with the rules of Linux: they go with their device, silently, and their routes with them. */
export class KernelNexthops {
  readonly #objects = new Map<number, KernelNexthop>();
  /** Refuse changes with this error, as a kernel without nexthop objects. */
  refusal: KernelError | null = null;
  /** Refuse to make objects or to replace them. */
  failing: KernelError | null = null;

  constructor(private readonly host: NexthopHost) {}

  all(): KernelNexthop[] {
    return [...this.#objects.values()];
  }

  /** Make one change as the kernel would. @returns why not, or null */
  apply(change: NexthopChange): KernelError | null {
    if (this.refusal) return this.refusal;
    const { op, id, protocol, hop, group } = change;
    const held = this.#objects.get(id);
    if (op === 'delete') {
      if (!held) return new KernelError('ENOENT', 'No such file or directory');
      this.host.onChange(held, true);
      this.#remove(new Set([id]));
      return null;
    }
    if (this.failing) return this.failing;
    if (op === 'add' && held) return new KernelError('EEXIST', 'File exists');
    if (held && !held.group !== !group)
      return new KernelError('EINVAL', 'Can not replace a nexthop with a nexthop group');
    if (group?.some((member) => !this.#objects.has(member.id))) return new KernelError('EINVAL', 'Invalid nexthop id');
    const bad = hop ? this.host.check(hop) : null;
    if (bad) return bad;
    const made: KernelNexthop = { id, protocol, ...(hop ? { hop } : {}), ...(group ? { group } : {}) };
    this.#objects.set(id, made);
    this.host.onChange(made, false);
    return null;
  }

  /** A device went down. */
  flush(device: string): void {
    this.#remove(new Set(this.all().flatMap(({ id, hop }) => (hop?.device === device ? [id] : []))));
  }

  #remove(ids: Set<number>): void {
    if (ids.size === 0) return;
    for (const id of ids) this.#objects.delete(id);
    for (const each of this.all()) {
      if (!each.group?.some(({ id }) => ids.has(id))) continue;
      const group = each.group.filter(({ id }) => !ids.has(id));
      if (group.length > 0) this.#objects.set(each.id, { ...each, group });
      else {
        this.#objects.delete(each.id);
        ids.add(each.id);
      }
    }
    this.host.onGone(ids);
  }

  /** Why a route cannot refer to an object; null: it can. */
  refuses(id: number, prefix: string): KernelError | null {
    const held = this.#objects.get(id);
    if (!held) return new KernelError('EINVAL', 'Nexthop id does not exist');
    const four = this.#hops(id).some(({ gateway }) => gateway !== undefined && !gateway.includes(':'));
    if (four && prefix.includes(':')) return new KernelError('EINVAL', 'IPv6 routes can not use an IPv4 nexthop');
    return null;
  }

  #hops(id: number): readonly Hop[] {
    const held = this.#objects.get(id);
    if (held?.group) {
      return held.group.flatMap(({ id: member, weight }) => this.#hops(member).map((hop) => ({ ...hop, weight })));
    }
    return held?.hop ? [held.hop] : [];
  }

  /** A body as the kernel tells it: with the ways that its object has now. */
  expanded(body: RouteBody): RouteBody {
    if (body.nexthop === undefined) return body;
    const { type, nexthop, source, mtu } = body;
    return routeBody({
      ...{ type, nexthop, hops: this.#hops(nexthop) },
      ...(source === undefined ? {} : { source }),
      ...(mtu === undefined ? {} : { mtu }),
    });
  }
}
