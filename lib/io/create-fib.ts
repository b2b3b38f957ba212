import { UsageError, type Clock } from '../net/index.js';
import { Fib } from '../fib/fib.js';
import type { ConntrackTable } from '../fib/conntrack.js';
import { MemoryFibWriter } from '../fib/memory-writer.js';
import type { FibOptions } from '../fib/options.js';
import { PrintFibWriter } from '../fib/print-writer.js';
import type { FibWriter } from '../fib/writer.js';
import { ConntrackTool } from './conntrack-tool.js';
import { protocolNumber, tableNumber } from './ip-names.js';
import { vrfTable } from './vrf.js';
import { IpRouteWriter } from './ip-route-writer.js';
import { NetlinkWriter } from './netlink/index.js';

/** Protocols that mark routes of the kernel itself or of a human; taking them for ours would remove such routes. */
const RESERVED_PROTOCOLS = new Set([1, 2, 3, 4, 9, 16]);

/**
 * The writer that a configuration names.
 * @param print where `print` sends its lines; default stdout
 * @throws UsageError `bad_fib_type`, `bad_option`
 */
export function createFibWriter(options: FibOptions, print: (line: string) => void = printLine): FibWriter {
  const writesToKernel = options.type === 'ip-route' || options.type === 'netlink';
  if (options.netns !== undefined && (!writesToKernel || !/^[^\s/]+$/.test(options.netns))) {
    throw new UsageError(
      'bad_option',
      "netns is the name of a network namespace, for types 'ip-route' and 'netlink' only",
      'netns',
    );
  }
  const where = options.netns === undefined ? {} : { netns: options.netns };
  switch (options.type) {
    case 'ip-route':
      return new IpRouteWriter(where);
    case 'netlink':
      return new NetlinkWriter(where);
    case 'memory':
      return new MemoryFibWriter();
    case 'print':
      return new PrintFibWriter(print);
    default:
      throw new UsageError('bad_fib_type', `not a FIB type: '${String(options.type)}'`, 'type');
  }
}

/**
 * A Fib as configured.
 * @param runtime `writer`: instead of the one that `options.type` names
 * @throws UsageError `bad_table`, `bad_protocol`, `bad_fib_type`, `bad_option`, `bad_vrf`
 */
export function createFib(
  options: FibOptions,
  runtime: { readonly clock: Clock; readonly writer?: FibWriter; readonly print?: (line: string) => void },
): Fib {
  if (options.vrf !== undefined && options.table !== undefined) {
    throw new UsageError('bad_option', 'the table is that of the VRF: give either vrf or table', 'vrf');
  }
  const protocol = protocolNumber(options.protocol ?? 'bgp');
  if (RESERVED_PROTOCOLS.has(protocol)) {
    throw new UsageError('bad_protocol', `protocol ${options.protocol} marks routes that are not ours`, 'protocol');
  }
  const { vrf, netns } = options;
  const table = vrf === undefined ? tableNumber(options.table ?? 'main') : vrfTable(vrf, netns);
  if (table === 255) throw new UsageError('bad_table', "table 'local' belongs to the kernel", 'table');
  const { metric, atStart, atStop, reconcileInterval, resolveViaDefault, removalLimit } = options;
  return new Fib({
    writer: runtime.writer ?? createFibWriter(options, runtime.print),
    clock: runtime.clock,
    table,
    protocol,
    // What a VRF does not route itself must not slip through another table.
    resolveViaMain: vrf === undefined,
    ...(options.nexthopObjects === undefined ? {} : { nexthopObjects: options.nexthopObjects }),
    ...(metric === undefined ? {} : { metric }),
    ...(atStart === undefined ? {} : { atStart }),
    ...(atStop === undefined ? {} : { atStop }),
    ...(reconcileInterval === undefined ? {} : { reconcileSeconds: reconcileInterval }),
    ...(removalLimit === undefined ? {} : { removalLimit }),
    ...(resolveViaDefault === undefined ? {} : { resolveViaDefault }),
  });
}

/** What deletes connection tracking entries in the kernel that the routes go to. */
export function createConntrack({ netns }: FibOptions): ConntrackTable {
  return new ConntrackTool(netns === undefined ? {} : { netns });
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
