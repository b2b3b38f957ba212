import { readFileSync } from 'node:fs';

/** The version in the nearest package.json above: the same in the sources and in `dist`. */
export function version(): string {
  for (const up of ['../../', '../../../']) {
    try {
      const { name, version } = JSON.parse(
        readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8'),
      ) as Record<string, unknown>;
      if (name === 'tsbgp' && typeof version === 'string') return version;
    } catch {
      // Not there: one further up.
    }
  }
  return 'unknown';
}
