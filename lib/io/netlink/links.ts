import { IFF_LOWER_UP, IFLA_IFNAME, LITTLE_ENDIAN, RTM } from './numbers.js';
import { forEachAttribute, HEADER_LENGTH, malformed, type NetlinkMessage } from './message.js';

/** Octets of struct ifinfomsg and struct ifaddrmsg. */
export const LINK_LENGTH = 16;
const ADDRESS_LENGTH = 8;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** It can carry packets now. */
  readonly up: boolean;
}

/**
 * @returns null: the message is about a link's membership in a bridge or the like, not about the link
 * @throws KernelError `EPROTO`
 */
export function readLink({ view, octets, start, end }: NetlinkMessage): Link | null {
  const at = start + HEADER_LENGTH;
  if (end - at < LINK_LENGTH) throw malformed('a link is cut short');
  if (octets[at] !== 0) return null;
  let name = '';
  forEachAttribute(view, at + LINK_LENGTH, end, (type, from, to) => {
    if (type === IFLA_IFNAME) name = Buffer.from(octets.subarray(from, to)).toString('utf8').replace(/\0.*$/s, '');
  });
  const up = (view.getUint32(at + 8, LITTLE_ENDIAN) & IFF_LOWER_UP) !== 0;
  return { index: view.getInt32(at + 4, LITTLE_ENDIAN), name, up };
}

/** The index of the link that an RTM_NEWADDR or RTM_DELADDR is about. @throws KernelError `EPROTO` */
export function readAddressLink({ view, start, end }: NetlinkMessage): number {
  const at = start + HEADER_LENGTH;
  if (end - at < ADDRESS_LENGTH) throw malformed('an address is cut short');
  return view.getInt32(at + 4, LITTLE_ENDIAN);
}

/** The links of one network namespace by index and by name, as far as they were told. */
export class LinkTable {
  #byIndex = new Map<number, Link>();
  #byName = new Map<string, number>();

  /** @param onRenumbered an index stands for another name now, or a name for another index */
  constructor(private readonly onRenumbered: () => void) {}

  /** All that are known. */
  all(): Iterable<Link> {
    return this.#byIndex.values();
  }

  /** @returns its index, or 0 */
  index(name: string): number {
    return this.#byName.get(name) ?? 0;
  }

  get(index: number): Link | undefined {
    return this.#byIndex.get(index);
  }

  /** The name of an index; one that nobody can have when it is unknown. */
  name(index: number): string {
    return this.#byIndex.get(index)?.name ?? `if${index}/?`;
  }

  /** Take over a message of type NEWLINK or DELLINK. @returns the link, null when the message is not about one */
  take(message: NetlinkMessage): Link | null {
    const link = readLink(message);
    if (!link) return null;
    const known = this.#byIndex.get(link.index);
    if (message.type === RTM.DELLINK) {
      this.#byIndex.delete(link.index);
      if (this.#byName.get(link.name) === link.index) this.#byName.delete(link.name);
      this.onRenumbered();
      return { ...link, up: false };
    }
    // Some events, of wireless links, tell no name.
    const named = link.name === '' && known ? { ...link, name: known.name } : link;
    this.#byIndex.set(link.index, named);
    if (known?.name !== named.name) {
      if (known && this.#byName.get(known.name) === link.index) this.#byName.delete(known.name);
      this.#byName.set(named.name, link.index);
      this.onRenumbered();
    }
    return named;
  }

  /** Forget the links that are not among these. */
  keepOnly(indexes: ReadonlySet<number>): void {
    for (const [index, { name }] of this.#byIndex) {
      if (indexes.has(index)) continue;
      this.#byIndex.delete(index);
      if (this.#byName.get(name) === index) this.#byName.delete(name);
      this.onRenumbered();
    }
  }
}
