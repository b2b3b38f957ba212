import type { FamilyName } from '../../lib/bgp/wire/index.js';
import { MemorySink, recordSpeaker, replay, type ReplayOptions, type ReplayResult } from '../../lib/record/index.js';
import type { Clock, Random } from '../../lib/net/index.js';
import type { SpeakerConfig, SpeakerRuntime } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { Lab } from '../support/lab.js';

const FAMILIES: readonly FamilyName[] = ['ipv4-unicast', 'ipv6-unicast'];

/** A lab whose speakers are recorded. */
export class RecordingLab extends Lab {
  readonly sinks = new Map<Speaker, MemorySink>();

  protected override make(config: SpeakerConfig, runtime: SpeakerRuntime): Speaker {
    const sink = new MemorySink();
    const speaker = recordSpeaker(config, runtime, { sink });
    this.sinks.set(speaker, sink);
    return speaker;
  }

  /** What is written down of a speaker, after some time in which it is written. */
  async recordingOf(speaker: Speaker): Promise<Uint8Array> {
    await this.clock.runAsync(1200);
    return this.sinks.get(speaker)!.octets;
  }

  /**
   * What is written down of a speaker, at a moment at which that is all: what comes after the last block is not in the file
   * yet. Something has to go on.
   */
  async wholeRecordingOf(speaker: Speaker): Promise<Uint8Array> {
    const { length } = await this.recordingOf(speaker);
    const sink = this.sinks.get(speaker)!;
    await this.clock.runUntilAsync(() => sink.octets.length > length, 60_000);
    return sink.octets;
  }

  async replayOf(speaker: Speaker, options: ReplayOptions = {}): Promise<ReplayResult> {
    return replay(await this.recordingOf(speaker), options);
  }
}

/** All that a speaker knows and tells: all paths, and the Adj-RIB-Out of every neighbor. */
export function ribOf(speaker: Speaker): string[] {
  const lines: string[] = [];
  const add = (title: string, paths: Iterable<object>): void => {
    for (const path of paths) lines.push(`${title} ${JSON.stringify(path)}`);
  };
  for (const family of FAMILIES) {
    add('path', speaker.routes(family, { bestOnly: false }));
    for (const { address, state } of speaker.neighbors()) {
      lines.push(`neighbor ${address} ${state}`);
      if (state === 'Established') add(`to ${address}`, speaker.routes(family, { advertisedTo: address }));
    }
  }
  return lines.sort();
}

/**
 * Time that also passes while somebody works, as in life: each look at it is up to `mostMs` later than the one before. Slices
 * and turns break off where they like.
 */
export function workingClock(clock: Clock, random: Random, mostMs: number): Clock {
  let ahead = 0;
  return {
    now: () => clock.now() + (ahead += random() * mostMs),
    wallTime: () => clock.wallTime(),
    after: (ms, run) => clock.after(ms, run),
    soon: (run) => clock.soon(run),
  };
}
