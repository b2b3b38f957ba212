/**
 * A table of a million routes (MRT TABLE_DUMP_V2) to JSON lines, beside `bgpdump -m` on the same file, where it is installed.
 * `npm run build && node --import tsx bench/mrt.ts [routes]`: the command as it is shipped is what runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_CONTEXT, encodeAttributes } from '../lib/bgp/wire/index.js';
import { Writer } from '../lib/net/writer.js';
import { Dice } from '../test/bgp/wire/fuzz.js';

const ROUTES = Number(process.argv[2] ?? 1_000_000);
/** As in a full table: about six prefixes to a set of attributes, most of them near to each other. */
const SETS = Math.ceil(ROUTES / 6);
const TIME = 1_700_000_000;
const ROUNDS = 3;

function attributeSets(dice: Dice): Uint8Array[] {
  return Array.from({ length: SETS }, () => {
    const writer = new Writer(128);
    const asns = Array.from({ length: 3 + dice.roll(3) }, () => 1 + dice.roll(400_000));
    encodeAttributes(
      [
        { code: 1, value: 'IGP' },
        { code: 2, value: [{ type: 'AS_SEQUENCE', asns }] },
        { code: 3, value: '192.0.2.1' },
        { code: 4, value: dice.roll(1000) },
        { code: 8, value: Array.from({ length: 2 + dice.roll(5) }, () => 3356 * 65536 + dice.roll(65536)) },
      ],
      DEFAULT_CONTEXT,
      writer,
    );
    return writer.finish();
  });
}

function record(writer: Writer, subtype: number, body: () => void): void {
  writer.u32(TIME);
  writer.u16(13);
  writer.u16(subtype);
  const at = writer.reserve(4);
  body();
  writer.patch16(at, 0);
  writer.patch16(at + 2, writer.length - at - 4);
}

function writeTable(file: string): void {
  const dice = new Dice(11);
  const sets = attributeSets(dice);
  const fd = openSync(file, 'w');
  const writer = new Writer(1 << 20);
  record(writer, 1, () => {
    writer.octets(Uint8Array.of(192, 0, 2, 99, 0, 0, 0, 1, 2, 192, 0, 2, 1, 192, 0, 2, 1, 0, 0, 253, 232));
  });
  for (let i = 0; i < ROUTES; i++) {
    const set = sets[Math.min(SETS - 1, Math.floor(i / 6) + dice.roll(20))]!;
    record(writer, 2, () => {
      writer.u32(i);
      writer.u8(24);
      writer.u24(0x010000 + i * 13);
      writer.u16(1);
      writer.u16(0);
      writer.u32(TIME - dice.roll(1_000_000));
      writer.u16(set.length);
      writer.octets(set);
    });
    if (writer.length > 1 << 19) {
      writeSync(fd, writer.view());
      writer.reset();
    }
  }
  writeSync(fd, writer.view());
  closeSync(fd);
}

/** Seconds of the fastest of some runs, output to a file as both would be used. */
function time(command: string, args: readonly string[], output: string): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const out = openSync(output, 'w');
    const start = performance.now();
    const { status } = spawnSync(command, args, { stdio: ['ignore', out, 'ignore'] });
    best = Math.min(best, (performance.now() - start) / 1000);
    closeSync(out);
    if (status !== 0) throw new Error(`${command} failed (${status})`);
  }
  return best;
}

const folder = mkdtempSync(join(tmpdir(), 'tsbgp-bench-'));
try {
  const file = join(folder, 'table.mrt');
  const output = join(folder, 'lines');
  writeTable(file);
  const main = new URL('../dist/lib/cli/main.js', import.meta.url).pathname;
  if (!existsSync(main)) throw new Error('npm run build first');
  console.log(
    `${ROUTES} routes, ${SETS} attribute sets, ${(statSync(file).size / 1e6).toFixed(0)} MB, Node ${process.version}; best of ${ROUNDS}`,
  );
  const ours = time(process.execPath, [main, 'decode', file], output);
  console.log(`tsbgp decode  ${ours.toFixed(2)} s  ${(statSync(output).size / 1e6).toFixed(0)} MB of JSON lines`);
  if (spawnSync('bgpdump', ['-v']).error === undefined) {
    const theirs = time('bgpdump', ['-m', file], output);
    const lines = execFileSync('wc', ['-l', output]).toString().split(' ')[0];
    console.log(`bgpdump -m    ${theirs.toFixed(2)} s  ${lines} lines; ratio ${(ours / theirs).toFixed(2)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
