/** How the rig of the end-to-end benchmark starts tsbgp. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Write the rig's list of speakers with one entry, `tsbgp`.
 * @param stallFile where the longest stall of the event loop of each run is appended to
 * @returns the file's path
 */
export function writeSpeakers(folder: string, stallFile?: string): string {
  const root = resolve(import.meta.dirname, '..');
  const probe = stallFile === undefined ? '' : `--import ${root}/bench/stall-probe.js `;
  const tsbgp = {
    cmd: `node ${probe}${root}/dist/bin/cli/tsbgp.js run {config}`,
    template: `${root}/bench/e2e.json.tmpl`,
    ...(stallFile === undefined ? {} : { env: { STALL_FILE: stallFile } }),
  };
  const path = join(folder, 'speakers.json');
  writeFileSync(path, JSON.stringify({ tsbgp }));
  return path;
}
