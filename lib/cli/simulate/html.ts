/** A report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
import type { Report, SessionSpan } from './run.js';

const WIDTH = 900;
const COLORS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f'];

const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: ${WIDTH}px; padding: 0 1rem; color: #1f2937; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-size: 13px } td { border-top: 1px solid #e5e7eb; padding: 2px 8px; vertical-align: top; white-space: pre-wrap }
td:first-child { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; color: #6b7280 }
.failed td, .bad { color: #b91c1c; font-weight: 600 } .held td, .good { color: #047857 } .action td { font-weight: 600 } .settled td { color: #6b7280 }
text { font: 12px system-ui, sans-serif; fill: #1f2937 } code { overflow-wrap: anywhere }
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
<p>Prefixes with a best path, by router.</p>
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

/** All hosts on a circle. */
function topologyDrawing({ topology, sessions, duration }: Report): string {
  const names = [
    ...new Set([...topology.routers.map(({ name }) => name), ...topology.links.flatMap(({ hosts }) => hosts)]),
  ];
  const height = Math.min(700, 200 + names.length * 25);
  const places = new Map(
    names.map((name, i) => {
      const angle = (2 * Math.PI * i) / names.length - Math.PI / 2;
      return [name, [WIDTH / 2 + 350 * Math.cos(angle), height / 2 + (height / 2 - 40) * Math.sin(angle)] as const];
    }),
  );
  const line = (a: readonly [number, number], b: readonly [number, number], style: string): string =>
    `<line x1="${a[0].toFixed(1)}" y1="${a[1].toFixed(1)}" x2="${b[0].toFixed(1)}" y2="${b[1].toFixed(1)}" ${style}/>`;
  const parts: string[] = [];
  const center = [WIDTH / 2, height / 2] as const;
  for (const { name, hosts } of topology.links) {
    const ends = hosts.map((host) => places.get(host)!);
    const style = 'stroke="#d1d5db" stroke-width="6"';
    if (ends.length === 2) parts.push(line(ends[0]!, ends[1]!, style));
    else if (ends.length > 2) {
      for (const end of ends) parts.push(line(center, end, style));
      parts.push(`<text x="${center[0]}" y="${center[1] - 8}" text-anchor="middle">${escape(name)}</text>`);
    }
  }
  for (const { between, up } of sessions) {
    const [a, b] = between.map((name) => places.get(name));
    if (a === undefined || b === undefined) continue;
    const isUp = up.at(-1)?.[1] === duration;
    parts.push(line(a, b, `stroke="#2563eb" stroke-width="1.2"${isUp ? '' : ' stroke-dasharray="4 4"'}`));
  }
  const asOf = new Map(topology.routers.map(({ name, asn }) => [name, asn]));
  for (const [name, [x, y]] of places) {
    const asn = asOf.get(name);
    parts.push(
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="7" fill="${asn === undefined ? '#9ca3af' : '#111827'}"/>`,
    );
    const label = asn === undefined ? name : `${name} (AS ${asn})`;
    const above = y < height / 2 ? -12 : 22;
    parts.push(`<text x="${x.toFixed(1)}" y="${(y + above).toFixed(1)}" text-anchor="middle">${escape(label)}</text>`);
  }
  return svg(height, parts, 'topology');
}

const LEFT = 160;
const scale = (at: number, duration: number): number => LEFT + ((WIDTH - LEFT - 20) * at) / Math.max(duration, 0.001);

/** A bar for each time that a session was up. */
function sessionBars({ sessions, duration }: Report): string {
  const shown = sessions.slice(0, 100);
  const parts = shown.flatMap(({ between, up }: SessionSpan, i) => {
    const y = 10 + i * 18;
    const label = `<text x="${LEFT - 8}" y="${y + 11}" text-anchor="end">${escape(between.join('–'))}</text>`;
    const back = `<rect x="${LEFT}" y="${y}" width="${WIDTH - LEFT - 20}" height="13" fill="#fee2e2"/>`;
    const bars = up.map(([from, to]) => {
      const x = scale(from, duration);
      return `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, scale(to, duration) - x).toFixed(1)}" height="13" fill="#34d399"/>`;
    });
    return [label, back, ...bars];
  });
  const more = sessions.length > shown.length ? `<p>${sessions.length - shown.length} more are not shown.</p>` : '';
  return (
    svg(20 + shown.length * 18 + 20, [...parts, ...axis(20 + shown.length * 18, duration)], 'sessions over time') + more
  );
}

/** A line of steps for each router. */
function routeChart({ routes, duration }: Report): string {
  const height = 220;
  const most = Math.max(1, ...Object.values(routes).flatMap((samples) => samples.map(([, count]) => count)));
  const y = (count: number): number => height - 30 - ((height - 50) * count) / most;
  const names = Object.keys(routes);
  const lines = names.slice(0, 100).map((name, i) => {
    const color = COLORS[i % COLORS.length]!;
    let path = '';
    let last = 0;
    for (const [at, count] of routes[name]!) {
      const x = scale(at, duration).toFixed(1);
      path += path === '' ? `M${x} ${y(count).toFixed(1)}` : `L${x} ${y(last).toFixed(1)}L${x} ${y(count).toFixed(1)}`;
      last = count;
    }
    path += `L${scale(duration, duration).toFixed(1)} ${y(last).toFixed(1)}`;
    return `<path d="${path}" fill="none" stroke="${color}" stroke-width="1.5"><title>${escape(name)}</title></path>`;
  });
  const legend = names.slice(0, 16).map((name, i) => {
    const at = height + 12 + Math.floor(i / 4) * 18;
    const x = LEFT + (i % 4) * 180;
    const color = COLORS[i % COLORS.length]!;
    return `<rect x="${x}" y="${at - 10}" width="10" height="10" fill="${color}"/><text x="${x + 16}" y="${at}">${escape(name)}</text>`;
  });
  const marks = [0, most].map((count) => `<text x="${LEFT - 8}" y="${y(count) + 4}" text-anchor="end">${count}</text>`);
  const rows = Math.ceil(Math.min(16, names.length) / 4);
  return svg(
    height + 10 + rows * 18,
    [...axis(height - 30, duration), ...marks, ...lines, ...legend],
    'routes over time',
  );
}

function axis(y: number, duration: number): string[] {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const x = scale(part * duration, duration).toFixed(1);
    return `<text x="${x}" y="${y + 16}" text-anchor="middle">${(part * duration).toFixed(duration < 10 ? 2 : 0)} s</text>`;
  });
  return [`<line x1="${LEFT}" y1="${y}" x2="${WIDTH - 20}" y2="${y}" stroke="#9ca3af"/>`, ...ticks];
}
