import type { ProcessView } from '../io/process-monitor.js';
import type {
  DecisionView,
  ExplainView,
  FibRouteView,
  FibSummaryView,
  NeighborView,
  PathView,
  PrefixCountView,
  SummaryView,
} from '../speaker/views.js';
import { pairLines, type Column } from './table.js';
import { printable } from './output.js';

/** The views of a speaker as text for people. Times are Unix milliseconds; `now` is passed in. */

export const NEIGHBOR_COLUMNS: readonly Column[] = [
  { heading: 'Neighbor' },
  { heading: 'AS', right: true },
  { heading: 'State' },
  { heading: 'For', right: true },
  { heading: 'IPv4 in', right: true },
  { heading: 'out', right: true },
  { heading: 'IPv6 in', right: true },
  { heading: 'out', right: true },
  { heading: 'Description' },
];

export function neighborRow(view: NeighborView, now: number): string[] {
  const count = (family: 'ipv4-unicast' | 'ipv6-unicast', side: 'received' | 'advertised'): string =>
    String(view.prefixes[family]?.[side] ?? '-');
  return [
    view.address,
    view.peerAs === null ? '-' : String(view.peerAs),
    view.adminDown ? 'disabled' : view.state,
    duration(now - view.since),
    count('ipv4-unicast', 'received'),
    count('ipv4-unicast', 'advertised'),
    count('ipv6-unicast', 'received'),
    count('ipv6-unicast', 'advertised'),
    [view.description ?? '', view.state === 'Established' ? '' : (view.reason ?? '')]
      .filter((part) => part !== '')
      .join(' - '),
  ];
}

const TYPES = { ibgp: 'iBGP', ebgp: 'eBGP', confed: 'confederation' } as const;

export function neighborText(view: NeighborView, now: number): string {
  const { lastError, received, sent } = view;
  const role = [
    view.type === null ? '' : TYPES[view.type],
    view.routeReflectorClient ? 'route reflector client' : '',
    view.routeServerClient ? 'route server client' : '',
    view.role === null ? '' : `we are ${view.role}, it says ${view.peerRole ?? 'nothing'}`,
  ];
  const families = view.families.map((family) => {
    const counts = view.prefixes[family];
    if (counts === undefined) return family;
    const rejected = counts.filtered === undefined ? '' : `, ${counts.filtered} of them rejected`;
    return `${family} (${counts.received} in${rejected}${limitText(counts)}, ${counts.advertised} out${addPathText(counts)})`;
  });
  return pairLines([
    ['Neighbor', view.address],
    ['Description', view.description ?? ''],
    [
      'AS',
      `${view.peerAs ?? '?'} (ours ${view.localAs})${role
        .filter((part) => part !== '')
        .map((part) => `, ${part}`)
        .join('')}`,
    ],
    ['Peer group', `${view.peerGroup ?? ''}${view.dynamic ? ' (dynamic)' : ''}`.trim()],
    [
      'State',
      `${view.state}${view.adminDown ? ' (disabled)' : ''} for ${duration(now - view.since)}, established ${view.established} times`,
    ],
    ['Reason', view.reason ?? ''],
    [
      'Last error',
      lastError === null
        ? ''
        : `${lastError.direction === 'local' ? '' : `${lastError.direction}: `}${lastError.text}, ${duration(now - lastError.at)} ago`,
    ],
    ['Shutdown text', lastError?.message ?? ''],
    ['Router ID', view.routerId ?? ''],
    ['Local address', view.localAddress ?? ''],
    [
      'Protection',
      [
        ...(view.tcpMd5 ? ['TCP MD5'] : []),
        ...(view.ttlSecurity === null ? [] : [`GTSM, ${hops(view.ttlSecurity)}`]),
      ].join(', '),
    ],
    ['Timers', view.holdTime === null ? '' : `hold ${view.holdTime} s, keepalive ${view.keepaliveInterval ?? '-'} s`],
    ['Families', families.join(', ')],
    ['Import policy', view.importPolicy ?? ''],
    ['Export policy', view.exportPolicy ?? ''],
    ['Capabilities', view.capabilities.join(', ')],
    ['Graceful restart', restartText(view.gracefulRestart)],
    ...staleLines(view, now),
    ['Received', messages(received, view.octetsReceived)],
    ['Sent', `${messages(sent, view.octetsSent)}, ${view.queuedOctets} octets queued`],
  ]);
}

function addPathText({ addPath }: PrefixCountView): string {
  if (addPath === undefined) return '';
  const ways = [...(addPath.receive ? ['in'] : []), ...(addPath.send ? ['out'] : [])];
  return `, several paths ${ways.join(' and ')}`;
}

function limitText({ limit }: PrefixCountView): string {
  if (limit === undefined) return '';
  const dropped = limit.dropped === 0 ? '' : `, ${limit.dropped} dropped`;
  return ` of at most ${limit.maxPrefixes} (${limit.action}${dropped})`;
}

function hops(count: number): string {
  return count === 1 ? '1 hop' : `${count} hops`;
}

/** What the neighbor asks for. */
function restartText(restart: NeighborView['gracefulRestart']): string {
  if (restart === null) return '';
  const { restarting, notification, restartTime, families } = restart;
  const bits = [...(restarting ? ['has restarted'] : []), ...(notification ? ['N bit'] : [])];
  if (families.length === 0) return ['helper only', ...bits].join(', ');
  const kept = families.map(
    ({ family, forwarding, longLivedTime }) =>
      `${family}${forwarding ? ' (preserved)' : ''}${longLivedTime === null ? '' : `, long-lived ${longLivedTime} s`}`,
  );
  return [`restart time ${restartTime} s`, ...bits, ...kept].join(', ');
}

const STALE_TEXT = {
  restart: 'waiting for it to restart',
  longLived: 'long-lived graceful restart',
  resync: 'waiting for its End-of-RIB',
  refresh: 'waiting for the end of its refresh',
  sweep: 'being withdrawn',
} as const;

function staleLines({ prefixes }: NeighborView, now: number): [string, string][] {
  return Object.entries(prefixes).flatMap(([family, { stale }]) => {
    if (!stale) return [];
    const left = stale.until === null ? '' : `, ${duration(stale.until - now)} at most`;
    return [[`Stale ${family}`, `${STALE_TEXT[stale.phase]}${left}`] as [string, string]];
  });
}

function messages(count: NeighborView['sent'], octets: number): string {
  const { open, update, notification, keepalive, routeRefresh } = count;
  return `${update} UPDATE, ${keepalive} KEEPALIVE, ${open} OPEN, ${routeRefresh} ROUTE-REFRESH, ${notification} NOTIFICATION; ${octets} octets`;
}

export const ROUTE_COLUMNS: readonly Column[] = [
  { heading: ' ' },
  { heading: 'Prefix' },
  { heading: 'Next hop' },
  { heading: 'From' },
  { heading: 'LocalPref', right: true },
  { heading: 'MED', right: true },
  { heading: 'Path' },
  { heading: 'Communities' },
];

const ORIGIN = { igp: 'i', egp: 'e', incomplete: '?' } as const;

export function routeRow(path: PathView): string[] {
  return [
    `${path.best ? '>' : path.multipathWeight === undefined ? ' ' : '='}${path.stale ? 'S' : ''}`,
    path.prefix,
    path.nextHopResolvable ? nextHopText(path) : `${path.nextHop} (unreachable)`,
    `${path.neighbor ?? originText(path)}${path.pathId === undefined ? '' : ` #${path.pathId}`}`,
    String(path.localPref ?? '-'),
    String(path.med ?? '-'),
    `${path.asPath} ${ORIGIN[path.origin]}`.trim(),
    [...path.communities, ...path.largeCommunities, ...(path.filtered === undefined ? [] : ['(rejected)'])].join(' '),
  ];
}

/** Where a route of our own comes from. */
function originText({ originated }: PathView): string {
  if (originated === undefined || originated.by === 'network') return 'local';
  if (originated.by === 'aggregate') return `aggregate of ${originated.contributors ?? 0}`;
  const { protocol = '', devices = [], table } = originated;
  return ['kernel', protocol, devices.join(','), table === undefined ? '' : `table ${table}`].filter(Boolean).join(' ');
}

/** Our own routes have the address of each session as next hop. */
function nextHopText({ neighbor, nextHop }: PathView): string {
  return neighbor === null && (nextHop === '0.0.0.0' || nextHop === '::') ? 'self' : nextHop;
}

/** All paths of a prefix, best first, and why each of the others lost. */
export function explainText(view: ExplainView): string {
  if (view.decisions.length === 0) return `${view.prefix} is not in the table\n`;
  const count = view.decisions.length === 1 ? '1 path' : `${view.decisions.length} paths`;
  const none = view.best === null ? ', none usable' : '';
  const rejected = (view.exportRejected ?? []).map(({ neighbor, by }) => `not told to ${neighbor}: rejected by ${by}`);
  const lines = rejected.map((line) => `${printable(line)}\n`).join('');
  return `${view.prefix}: ${count}${none}\n${view.decisions.map(decisionText).join('')}${lines}`;
}

function viaText(prefix: string | undefined): string {
  return prefix === undefined ? '' : `reached through our route for ${prefix}`;
}

function multipathText({ multipathWeight }: PathView, why: string | undefined): string {
  if (multipathWeight !== undefined) return `used, weight ${multipathWeight}`;
  return why === undefined ? '' : `not used: ${why}`;
}

function decisionText({ path, rank, lostAt, rfc, detail, notMultipath }: DecisionView): string {
  const origin = originText(path);
  const source =
    path.neighbor === null ? `originated here${origin === 'local' ? '' : ` (${origin})`}` : `from ${path.neighbor}`;
  const from = source + (path.pathId === undefined ? '' : ` with path ID ${path.pathId}`);
  const lines = [
    `${rank + 1}. via ${nextHopText(path)}${path.linkLocalNextHop === undefined ? '' : ` (${path.linkLocalNextHop})`}, ${from}${path.best ? ', best' : ''}${path.stale ? ', stale' : ''}`,
    `   AS_PATH ${path.asPath === '' ? '(empty)' : path.asPath}, ORIGIN ${path.origin}, LOCAL_PREF ${path.localPref ?? '-'}, MED ${path.med ?? '-'}`,
  ];
  const more: [string, string][] = [
    ['communities', path.communities.join(' ')],
    ['large communities', path.largeCommunities.join(' ')],
    ['extended communities', path.extendedCommunities.join(' ')],
    ['ORIGINATOR_ID', path.originatorId ?? ''],
    ['CLUSTER_LIST', path.clusterList.join(' ')],
    ['AGGREGATOR', path.aggregator ?? ''],
    ['ATOMIC_AGGREGATE', path.atomicAggregate ? 'yes' : ''],
    ['next hop', path.nextHopResolvable ? viaText(path.nextHopVia) : 'unreachable'],
    ['multipath', multipathText(path, notMultipath)],
  ];
  for (const [name, value] of more) if (value !== '') lines.push(`   ${name} ${value}`);
  if (lostAt !== null)
    lines.push(`   lost at: ${lostAt}${rfc === null ? '' : ` (${rfc})`}${detail === null ? '' : `: ${detail}`}`);
  return `${lines.map(printable).join('\n')}\n`;
}

export const FIB_COLUMNS: readonly Column[] = [
  { heading: 'Prefix' },
  { heading: 'Target' },
  { heading: 'State' },
  { heading: 'Error' },
];

export function fibRow(route: FibRouteView): string[] {
  return [route.prefix, route.target, route.state, route.error ?? ''];
}

/** What an operator has to know of the whole; empty when all is as it should be. */
export function fibSummaryText(summary: FibSummaryView): string {
  const { state, writer, lastError, failed, removing, removalsHeld, stale, conntrack } = summary;
  const routes = (count: number): string => (count === 1 ? '1 route' : `${count} routes`);
  return [
    ...(state === 'running' ? [] : [`${writer}: ${state}${lastError === null ? '' : `: ${lastError}`}`]),
    ...(failed === 0 ? [] : [`${routes(failed)} could not be written`]),
    ...(removalsHeld === null
      ? []
      : [
          `no route is removed: ${removalsHeld}; ${routes(removing)} waiting ('tsbgp fib confirm-removals' removes them)`,
        ]),
    ...(conntrack === null || conntrack.forgotten === 0
      ? []
      : [`connection tracking entries of ${conntrack.forgotten} moved addresses were not deleted: too many at once`]),
    ...(stale === 0 ? [] : [`${routes(stale)} of an earlier run not wanted so far`]),
  ]
    .map((line) => `${printable(line)}\n`)
    .join('');
}

/** All about one kernel route: the ledger. */
export function fibRouteText(route: FibRouteView, now: number): string {
  const ago = (at: number | null): string => (at === null ? 'never' : `${duration(now - at)} ago`);
  return pairLines([
    ['Prefix', route.prefix],
    ['Target', route.target],
    ['State', route.state],
    ['Error', route.error ?? ''],
    ['Failures', route.failures === 0 ? '' : `${route.failures} in a row`],
    ['Next try', route.retryAt === null ? '' : `in ${duration(Math.max(0, route.retryAt - now))}`],
    ['Wanted', route.wantedAt === null ? 'no' : `since ${duration(now - route.wantedAt)}`],
    ['Written', ago(route.writtenAt)],
    ['Acknowledged', ago(route.acknowledgedAt)],
  ]);
}

export function summaryText(view: SummaryView, now: number): string {
  const families = Object.entries(view.families).map(
    ([name, { prefixes, paths }]) => [name, `${prefixes} prefixes, ${paths} paths`] as const,
  );
  return pairLines([
    ['AS', String(view.asn)],
    ['Router ID', view.routerId],
    ['Cluster ID', view.clusterId === view.routerId ? '' : view.clusterId],
    ['Running for', duration(now - view.startedAt)],
    ['Listening', view.listening.join(', ') || 'no'],
    ['Connections refused', view.connectionsRefused === 0 ? '' : String(view.connectionsRefused)],
    ['Neighbors', `${view.neighbors.established} of ${view.neighbors.configured} established`],
    ...families,
    ['Attribute sets', String(view.attributeSets)],
  ]);
}

export function processText({ memory, cpuSeconds, eventLoop }: ProcessView, now: number): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const { longestStallMs, p99StallMs, p999StallMs, since } = eventLoop;
  return pairLines([
    ['Memory', `${mb(memory.residentBytes)} resident, ${mb(memory.peakResidentBytes)} at most`],
    ['Objects', mb(memory.heapUsedBytes)],
    ['Typed arrays', mb(memory.typedArrayBytes)],
    ['Processor time', `${cpuSeconds.toFixed(2)} s`],
    ['Longest stall', `${longestStallMs} ms in ${duration(now - since)}`],
    ['99 %, 99.9 %', `${p99StallMs} ms, ${p999StallMs} ms`],
  ]);
}

/** `59s`, `59m59s`, `23h59m`, `7d23h`. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor((s % 86400) / 3600))}h`;
}
