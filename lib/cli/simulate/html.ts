/** A report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
import type { Report, SessionSpan } from './run.js';

const WIDTH = 900;

const STYLE = `
:root { color-scheme: light dark; --text: #1f2937; --faint: #6b7280; --page: #fff; --rule: #e5e7eb; --good: #047857; --bad: #b91c1c;
  --wire: #d1d5db; --session: #2563eb; --router: #111827; --host: #9ca3af; --up: #34d399; --down: #fee2e2; --count: #93c5fd }
@media (prefers-color-scheme: dark) { :root { --text: #e5e7eb; --faint: #9ca3af; --page: #111827; --rule: #374151; --good: #34d399; --bad: #f87171;
  --wire: #4b5563; --session: #60a5fa; --router: #f3f4f6; --host: #9ca3af; --up: #059669; --down: #4c1d1d; --count: #1d4ed8 } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: ${WIDTH}px; padding: 0 1rem; color: var(--text); background: var(--page) }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2rem } svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-size: 13px } td { border-top: 1px solid var(--rule); padding: 2px 8px; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere }
td:first-child { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; color: var(--faint) }
.failed td, .bad { color: var(--bad); font-weight: 600 } .held td, .good { color: var(--good) } .action td { font-weight: 600 } .settled td { color: var(--faint) }
text { font: 12px system-ui, sans-serif; fill: var(--text); paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-linejoin: round } .small { font-size: 9px }
code { overflow-wrap: anywhere } .wire { stroke: var(--wire); stroke-width: 6; fill: none } .thin { stroke-width: 3 } .session { stroke: var(--session); stroke-width: 1.3; fill: none }
.gone { stroke-dasharray: 4 4 } .router { fill: var(--router) } .host { fill: var(--host) } .up { fill: var(--up) } .down { fill: var(--down) }
.count { fill: var(--count) } .axis { stroke: var(--host) }
`;

/** The page. */
export function htmlReport(report: Report): string {
  const { title, seed, ok, duration, timeline, expectations, violations, digest } = report;
  const verdict = ok ? '<span class="good">ok</span>' : '<span class="bad">failed</span>';
  const rows = timeline.map(
    ({ at, kind, text }) => `<tr class="${kind}"><td>${at.toFixed(3)} s</td><td>${escape(text)}</td></tr>`,
  );
  const wrong = violations.map((text) => `<li class="bad">${escape(text)}</li>`).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}: ${verdict}</h1>
<p>Seed ${seed}. ${duration.toFixed(3)} s of virtual time. ${expectations.held} expectations held, ${expectations.failed.length} failed.</p>
<h2>Topology</h2>
${topologyDrawing(report)}
<p>Grey: links and LANs. Blue: sessions, dashed where they are down at the end.</p>
<h2>Sessions</h2>
${sessionBars(report)}
<h2>Routes</h2>
<p>Prefixes with a best path, by router, and how many at most.</p>
${routeChart(report)}
<h2>Violations</h2>
${wrong === '' ? '<p class="good">None.</p>' : `<ul>${wrong}</ul>`}
<h2>Events</h2>
<table>
${rows.join('\n')}
</table>
<p>Digest of all octets: <code>${digest}</code></p>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function svg(height: number, parts: readonly string[], label: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">\n${parts.join('\n')}\n</svg>`;
}

type Point = readonly [x: number, y: number];

const xy = ([x, y]: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A text that is too long for its place, with the whole of it as a tooltip. */
function label(text: string, most: number, attributes: string): string {
  const whole = escape(text);
  if (text.length <= most) return `<text ${attributes}>${whole}</text>`;
  return `<text ${attributes}>${escape(text.slice(0, most - 1))}…<title>${whole}</title></text>`;
}

/** Around the edge of a drawing: a few labels beside their hosts, many along the rays. */
const FEW = 24;
const MOST_LABELS = 120;

/** All hosts on a circle. Links and sessions are bent, so that none hides a LAN, and a session over a link lies on it. */
function topologyDrawing({ topology, sessions, duration }: Report): string {
  const names = [
    ...new Set([...topology.routers.map(({ name }) => name), ...topology.links.flatMap(({ hosts }) => hosts)]),
  ];
  const few = names.length <= FEW;
  const height = few ? Math.min(700, 200 + names.length * 25) : WIDTH - 100;
  const center: Point = [WIDTH / 2, height / 2];
  const [radiusX, radiusY] = few ? [290, height / 2 - 40] : [height / 2 - 130, height / 2 - 130];
  const angleOf = (i: number): number => (2 * Math.PI * i) / names.length - Math.PI / 2;
  const places = new Map(
    names.map((name, i): [string, Point] => {
      const angle = angleOf(i);
      return [name, [center[0] + radiusX * Math.cos(angle), center[1] + radiusY * Math.sin(angle)]];
    }),
  );
  const bent = (between: readonly string[], style: string): string => {
    const [a, b] = [...between].sort().map((name) => places.get(name)!);
    const [dx, dy] = [b![0] - a![0], b![1] - a![1]];
    const control: Point = [(a![0] + b![0]) / 2 - dy * 0.1, (a![1] + b![1]) / 2 + dx * 0.1];
    return `<path d="M${xy(a!)} Q${xy(control)} ${xy(b!)}" class="${style}"/>`;
  };
  const wire = few ? 'wire' : 'wire thin';
  const parts: string[] = [];
  const lans = topology.links.filter(({ hosts }) => hosts.length > 2);
  for (const { hosts } of topology.links) {
    if (hosts.length === 2) parts.push(bent(hosts, wire));
  }
  lans.forEach(({ hosts }, i) => {
    const place = xy(lanPlace(center, i, lans.length));
    for (const host of hosts) parts.push(`<path d="M${place} L${xy(places.get(host)!)}" class="${wire}"/>`);
  });
  for (const { between, up } of sessions) {
    if (between.some((name) => !places.has(name))) continue;
    parts.push(bent(between, up.at(-1)?.[1] === duration ? 'session' : 'session gone'));
  }
  lans.forEach(({ name }, i) => {
    const [x, y] = lanPlace(center, i, lans.length);
    parts.push(
      `<rect x="${x - 14}" y="${y - 5}" width="28" height="10" rx="5" class="host"/>`,
      label(name, 20, `x="${x}" y="${y - 10}" text-anchor="middle"`),
    );
  });
  const asOf = new Map(topology.routers.map(({ name, asn }) => [name, asn]));
  names.forEach((name, i) => {
    const [x, y] = places.get(name)!;
    const asn = asOf.get(name);
    const whole = asn === undefined ? name : `${name} (AS ${asn})`;
    const radius = few ? 7 : 4;
    parts.push(
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" class="${asn === undefined ? 'host' : 'router'}"><title>${escape(whole)}</title></circle>`,
    );
    if (few) parts.push(label(whole, 24, besides(center, [x, y])));
    else if (names.length <= MOST_LABELS) parts.push(label(whole, 24, along(angleOf(i), [x, y])));
  });
  return svg(height, parts, 'topology');
}

function lanPlace([x, y]: Point, index: number, count: number): Point {
  return [x + (index - (count - 1) / 2) * 120, y];
}

/** Where a label stands beside its host: above, below, or outside. */
function besides(center: Point, [x, y]: Point): string {
  const side = x - center[0];
  if (Math.abs(side) < 60) {
    return `x="${x.toFixed(1)}" y="${(y + (y < center[1] ? -12 : 22)).toFixed(1)}" text-anchor="middle"`;
  }
  return `x="${(x + Math.sign(side) * 12).toFixed(1)}" y="${(y + 4).toFixed(1)}" text-anchor="${side < 0 ? 'end' : 'start'}"`;
}

/** A label on the ray from the center, never upside down. */
function along(angle: number, place: Point): string {
  const isLeft = Math.cos(angle) < 0;
  const turn = (angle * 180) / Math.PI + (isLeft ? 180 : 0);
  const [x, y] = xy([isLeft ? -8 : 8, 3]).split(' ');
  return `class="small" x="${x}" y="${y}" text-anchor="${isLeft ? 'end' : 'start'}" transform="translate(${xy(place)}) rotate(${turn.toFixed(1)})"`;
}

const LEFT = 170;
const RIGHT = 50;
const scale = (at: number, duration: number): number =>
  LEFT + ((WIDTH - LEFT - RIGHT) * at) / Math.max(duration, 0.001);

/** At most so many rows of a kind. */
const MOST_ROWS = 100;

/** A row for each of several things over time, each with a name. */
function rowsOf(
  names: readonly string[],
  pitch: number,
  duration: number,
  title: string,
  row: (index: number, y: number) => string[],
): string {
  const shown = names.slice(0, MOST_ROWS);
  const parts = shown.flatMap((name, i) => {
    const y = 10 + i * pitch;
    return [label(name, 24, `x="${LEFT - 8}" y="${y + pitch / 2 + 2}" text-anchor="end"`), ...row(i, y)];
  });
  const bottom = 20 + shown.length * pitch;
  const more = names.length > shown.length ? `<p>${names.length - shown.length} more are not shown.</p>` : '';
  return svg(bottom + 20, [...parts, ...axis(bottom, duration)], title) + more;
}

/** A bar for each time that a session was up. */
function sessionBars({ sessions, duration }: Report): string {
  const names = sessions.map(({ between }: SessionSpan) => between.join('–'));
  return rowsOf(names, 18, duration, 'sessions over time', (i, y) => [
    `<rect x="${LEFT}" y="${y}" width="${WIDTH - LEFT - RIGHT}" height="13" class="down"/>`,
    ...sessions[i]!.up.map(([from, to]) => {
      const x = scale(from, duration);
      const width = Math.max(0.5, scale(to, duration) - x);
      return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="13" class="up"/>`;
    }),
  ]);
}

/** For each router an area as high as there are prefixes. */
function routeChart({ routes, duration }: Report): string {
  const names = Object.keys(routes);
  const high = 22;
  return rowsOf(names, high + 6, duration, 'routes over time', (i, y) => {
    const samples = routes[names[i]!]!;
    const most = Math.max(...samples.map(([, count]) => count), 0);
    const at = (count: number): string => (y + high - (high * count) / Math.max(1, most)).toFixed(1);
    const bottom = at(0);
    let path = `M${LEFT} ${bottom}`;
    let last = bottom;
    for (const [time, count] of samples) {
      const x = scale(time, duration).toFixed(1);
      path += `L${x} ${last}L${x} ${at(count)}`;
      last = at(count);
    }
    const end = (WIDTH - RIGHT).toFixed(1);
    return [
      `<path d="${path}L${end} ${last}L${end} ${bottom}Z" class="count"/>`,
      `<line x1="${LEFT}" y1="${bottom}" x2="${end}" y2="${bottom}" class="axis" stroke-width="0.5"/>`,
      `<text x="${WIDTH - RIGHT + 6}" y="${y + 11}">${most}</text>`,
    ];
  });
}

function axis(y: number, duration: number): string[] {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const x = scale(part * duration, duration).toFixed(1);
    return `<text x="${x}" y="${y + 16}" text-anchor="middle">${(part * duration).toFixed(duration < 10 ? 2 : 0)} s</text>`;
  });
  return [`<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" class="axis"/>`, ...ticks];
}
