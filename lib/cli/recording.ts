import { realClock } from '../io/clock.js';
import { RecordFile, recordSpeaker } from '../record/index.js';
import type { SpeakerConfig } from '../speaker/options.js';
import type { Speaker } from '../speaker/speaker.js';
import { CommandError } from './output.js';
import { version } from './version.js';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};
/** Below this not even the configuration of a few neighbors fits. */
const LEAST = 65536;

/** Octets of `500MB`, `2GiB`, `1000000`. @throws CommandError */
export function sizeOf(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(text) ?? [];
  const octets = digits === undefined ? NaN : Math.floor(Number(digits) * UNITS[(unit ?? '').toLowerCase()]!);
  if (!(octets >= LEAST))
    throw new CommandError(`--record-limit: found ${text}, expected a size such as 500MB, at least 64KiB`, 2);
  return octets;
}

/**
 * A speaker that is recorded to a file.
 * @param tell what an operator must know of it, in lines
 * @throws UsageError `cannot_write`; ConfigError
 */
export function recordedSpeaker(
  config: SpeakerConfig,
  path: string,
  limit: number | undefined,
  tell: (line: string) => void,
): Speaker {
  const sink = new RecordFile(path);
  if (sink.previous !== undefined) tell(`the recording that was there is now ${sink.previous}`);
  tell(`recording to ${path}`);
  return recordSpeaker(
    config,
    { clock: realClock },
    {
      sink,
      program: `tsbgp ${version()}`,
      ...(limit === undefined ? {} : { limit }),
      onEnd: (reason) => tell(`the recording ends here: ${sink.error ?? reason}`),
    },
  );
}
