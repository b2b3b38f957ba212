/** Protocol numbers that the kernel's rtnetlink.h names, and iproute2 with it. */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  mrouted: 17,
  keepalived: 18,
  babel: 42,
  openr: 99,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
};

/** Tables that every kernel has. */
export const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };

const protocolNames = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));
const tableNames = new Map(Object.entries(TABLES).map(([name, number]) => [number, name]));

/** The usual name of a protocol number, or the number itself. */
export function protocolName(number: number): string {
  return protocolNames.get(number) ?? String(number);
}

/** The usual name of a table number, or the number itself. */
export function tableName(number: number): string {
  return tableNames.get(number) ?? String(number);
}
