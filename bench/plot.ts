/** A plot with two logarithmic curves, seconds and megabytes, as SVG. */
export interface Point {
  readonly x: number;
  readonly seconds: number;
  readonly mb: number;
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = WIDTH - 64;
const TOP = 48;
const BOTTOM = HEIGHT - 56;

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Decades from the one below the smallest value to the one above the largest. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { ticks, at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}

/** `0.01`, `10`, `100k`, `1M`. */
function label(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(3)));
}

/** @param xName what is counted on the horizontal axis */
export function plot(title: string, xName: string, points: readonly Point[]): string {
  const x = axis(
    points.map((p) => p.x),
    LEFT,
    RIGHT,
  );
  const curves = [
    { name: 'seconds', color: '#c0392b', side: LEFT - 8, anchor: 'end', of: (p: Point) => p.seconds },
    { name: 'peak MB', color: '#2471a3', side: RIGHT + 8, anchor: 'start', of: (p: Point) => p.mb },
  ];
  const lines: string[] = [];
  for (const tick of x.ticks) {
    const at = x.at(tick).toFixed(1);
    lines.push(`<path d="M${at} ${TOP}V${BOTTOM}" stroke="#ddd"/>`);
    lines.push(`<text x="${at}" y="${BOTTOM + 18}" text-anchor="middle">${label(tick)}</text>`);
  }
  for (const { name, color, side, anchor, of } of curves) {
    const y = axis(points.map(of), BOTTOM, TOP);
    for (const tick of y.ticks) {
      const at = y.at(tick).toFixed(1);
      lines.push(
        `<text x="${side}" y="${Number(at) + 4}" text-anchor="${anchor}" fill="${color}">${label(tick)}</text>`,
      );
    }
    lines.push(`<text x="${side}" y="${TOP - 14}" text-anchor="${anchor}" fill="${color}">${name}</text>`);
    const path = points.map((p) => `${x.at(p.x).toFixed(1)} ${y.at(of(p)).toFixed(1)}`).join('L');
    lines.push(`<path d="M${path}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const p of points) {
      lines.push(
        `<circle cx="${x.at(p.x).toFixed(1)}" cy="${y.at(of(p)).toFixed(1)}" r="3.5" fill="${color}">` +
          `<title>${label(p.x)} ${xName}: ${label(of(p))} ${name}</title></circle>`,
      );
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<path d="M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}V${TOP}" fill="none" stroke="#888"/>`,
    `<text x="${WIDTH / 2}" y="20" text-anchor="middle" font-size="14">${title}</text>`,
    `<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${xName}</text>`,
    ...lines,
    '</svg>\n',
  ].join('\n');
}
