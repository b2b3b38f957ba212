import { realClock } from '../io/clock.js';
import { TransportError, UsageError } from '../net/index.js';
import type { ApiServer } from '../api/index.js';
import type { SpeakerConfig } from '../speaker/options.js';
import { Speaker } from '../speaker/speaker.js';
import { warmUpFor } from '../speaker/warm-up.js';
import { policyWarnings } from '../speaker/config-policy-rules.js';
import { MemoryKeeper } from '../io/memory-keeper.js';
import { counted, loadConfig } from './check.js';
import { OperatorLog, reconfigureParts } from './operator-log.js';
import { CommandError, type Output } from './output.js';
import { resetLines } from './plan.js';

/** How long the neighbors may take to hear that we stop. */
const STOP_MS = 10_000;

export interface RunOptions {
  /** File in which all that reaches the speaker is written down. */
  readonly record?: string;
  /** `500MB`. */
  readonly recordLimit?: string;
}

/**
 * Run a speaker until SIGTERM or SIGINT; a second one ends at once. SIGHUP re-reads the file and applies the difference.
 * @param onRunning told when the speaker has started
 * @throws CommandError when the configuration is wrong or an address cannot be bound: nothing runs then
 */
export async function run(
  file: string,
  options: RunOptions,
  out: Output,
  onRunning: () => void = () => undefined,
): Promise<void> {
  if (file === '-') throw new CommandError("run: a file is needed, not '-': SIGHUP reads it again", 2);
  const config = await loadConfig(file);
  const log = new OperatorLog((line) => out.message(line));
  const stopped = nextStopSignal();
  // From the first moment on: unhandled, SIGHUP would end the process.
  let reload = (): void => void (reloadWanted = true);
  let reloadWanted = false;
  const onHangUp = (): void => reload();
  process.on('SIGHUP', onHangUp);
  const speaker = await asCommand(() => speakerFor(config, options, log));
  log.follow(speaker);
  // On a clock of its own: it is no part of what the speaker does.
  warmUpFor(speaker, realClock);
  const api = await startAll(speaker, config);
  log.line(startLine(speaker, api));
  for (const warning of policyWarnings(config)) log.line(warning);
  if (api?.exposed) log.line(`the API at ${api.url} has no password and can be reached from other machines`);

  reload = () => void reloadFile(file, speaker, log);
  if (reloadWanted) reload();
  onRunning();
  const keeper = new MemoryKeeper(() => pathCount(speaker));
  const signal = await stopped;
  keeper.stop();
  reload = () => undefined;
  log.line(`${signal}: stopping`);
  await within(STOP_MS, stopAll(speaker, api));
  process.removeListener('SIGHUP', onHangUp);
  log.tellRest();
  log.line('stopped');
}

async function speakerFor(config: SpeakerConfig, options: RunOptions, log: OperatorLog): Promise<Speaker> {
  const { record, recordLimit } = options;
  if (record === undefined) {
    if (recordLimit !== undefined)
      throw new CommandError('--record-limit: without --record there is nothing to limit', 2);
    return new Speaker(config);
  }
  const { recordedSpeaker, sizeOf } = await import('./recording.js');
  const limit = recordLimit === undefined ? undefined : sizeOf(recordLimit);
  return recordedSpeaker(config, record, limit, (line) => log.line(line));
}

function pathCount(speaker: Speaker): number {
  let count = 0;
  for (const { paths } of Object.values(speaker.summary().families)) count += paths;
  return count;
}

async function startAll(speaker: Speaker, config: SpeakerConfig): Promise<ApiServer | undefined> {
  await asCommand(() => speaker.start());
  if (config.api === undefined) return undefined;
  const { serveApi } = await import('../api/index.js');
  const { listen } = config.api;
  try {
    return await asCommand(() => serveApi(speaker, listen));
  } catch (error) {
    await speaker.stop();
    throw error;
  }
}

async function stopAll(speaker: Speaker, api: ApiServer | undefined): Promise<void> {
  await Promise.all([speaker.stop(), api?.close()]);
}

/** What the user can mend is told in one line, not as a stack. */
async function asCommand<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof UsageError || error instanceof TransportError) throw new CommandError(error.message);
    throw error;
  }
}

function startLine(speaker: Speaker, api: ApiServer | undefined): string {
  const { asn, routerId, listening, neighbors } = speaker.summary();
  const parts = [
    `AS ${asn}, router ID ${routerId}`,
    counted(neighbors.configured, 'neighbor'),
    listening.length === 0 ? 'not listening' : `listening on ${listening.join(', ')}`,
    ...(api === undefined ? [] : [`API at ${api.url}`]),
  ];
  return `started: ${parts.join('; ')}`;
}

/** Apply the difference; a file that is wrong changes nothing. */
async function reloadFile(file: string, speaker: Speaker, log: OperatorLog): Promise<void> {
  log.line(`SIGHUP: reading ${file}`);
  try {
    const config = await loadConfig(file);
    // With many neighbors each of these takes a while: in a turn of the event loop of its own.
    await nextTurn();
    const plan = speaker.planReconfigure(config);
    await nextTurn();
    const before = new Set(policyWarnings(speaker.config));
    const result = await speaker.reconfigure(config);
    for (const line of resetLines(plan)) log.line(line);
    for (const warning of policyWarnings(config)) if (!before.has(warning)) log.line(warning);
    const parts = reconfigureParts(result);
    log.line(`reconfigured: ${parts.length === 0 ? 'nothing changed' : parts.join('; ')}`);
    if (result.needsRestart.length > 0) {
      log.line(`only a restart changes ${result.needsRestart.join(', ')}: left as before`);
    }
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) log.line(line);
    log.line('reconfigured: nothing, the old configuration stays');
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        // 128 + the signal's number, as a shell says it.
        if (seen) process.exit(name === 'SIGINT' ? 130 : 143);
        seen = true;
        resolve(name);
      });
    }
  });
}

function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
