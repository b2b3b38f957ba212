import { writeFile } from 'node:fs/promises';
import { readTextFile } from '../../io/config-file.js';
import { UsageError } from '../../net/index.js';
import { parseYaml } from '../../speaker/config-text.js';
import { CommandError, printable, type Output } from '../output.js';
import type { Network } from '../../sim/index.js';
import { buildNetwork } from './build.js';
import { htmlReport } from './html.js';
import { runScenario, type Report, type TimelineEntry } from './run.js';
import { readScenario, type Scenario } from './schema.js';

export interface SimulateOptions {
  readonly seed?: string;
  readonly json?: boolean;
  readonly html?: string;
}

/**
 * Run a scenario file.
 * @returns the exit code: 0 all is as expected, 1 not
 * @throws CommandError when the file is wrong
 */
export async function simulateFile(file: string, options: SimulateOptions, out: Output): Promise<number> {
  const { scenario, net } = await load(file, options.seed);
  const report = await runScenario(scenario, net);
  await out.result(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : textReport(report));
  if (options.html !== undefined) {
    try {
      await writeFile(options.html, htmlReport(report));
    } catch (error) {
      throw new CommandError(`${options.html}: ${(error as Error).message}`);
    }
  }
  return report.ok ? 0 : 1;
}

async function load(file: string, seed: string | undefined): Promise<{ scenario: Scenario; net: Network }> {
  if (seed !== undefined && !/^\d{1,10}$/.test(seed)) throw new CommandError(`--seed: '${seed}' is not a number`, 2);
  try {
    const text = await readTextFile(file);
    return parseYaml(text, file === '-' ? 'standard input' : file, (input) => {
      const { config, problems } = readScenario(input);
      if (config === null) return { config, problems };
      const scenario = seed === undefined ? config : { ...config, seed: Number(seed) };
      const built = buildNetwork(scenario);
      return { config: built.problems.length > 0 ? null : { scenario, net: built.net }, problems: built.problems };
    });
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(error.message);
    throw error;
  }
}

const MARKS: Readonly<Record<TimelineEntry['kind'], string>> = {
  action: '→',
  session: ' ',
  settled: '·',
  held: '✓',
  failed: '✗',
};

function textReport(report: Report): string {
  const { title, seed, timeline, expectations, routes, duration, ok, digest } = report;
  const lines = [`${title} (seed ${seed})`, ''];
  for (const { at, kind, text } of timeline) {
    lines.push(`${at.toFixed(3).padStart(10)} s ${MARKS[kind]} ${text.replaceAll('\n', `\n${' '.repeat(15)}`)}`);
  }
  lines.push('', 'Best paths at the end:');
  for (const [name, samples] of Object.entries(routes)) lines.push(`  ${name}: ${samples.at(-1)?.[1] ?? 0}`);
  const { held, failed } = expectations;
  lines.push('', `${held} held, ${failed.length} failed; ${duration.toFixed(3)} s of virtual time; seed ${seed}`);
  lines.push(`digest ${digest}`, ok ? 'ok' : 'FAILED', '');
  return lines.map(printable).join('\n');
}
