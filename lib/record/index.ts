/** Record all that reaches a speaker, and run it again. See docs/record-and-replay.md. */
export { recordSpeaker, type RecordedSpeaker, type RecordOptions, type StartRecord } from './recorded-speaker.js';
export type { RecordSink } from './recorder.js';
export { replay, type RecordSource, type ReplayDifference, type ReplayOptions, type ReplayResult } from './replay.js';
export type { ReplayedChange } from './changes.js';
export type { ReplayedMessage } from './messages.js';
export type { ReplayedConnection } from './replay-machine.js';
export type { Checkpoint } from './loc-rib-digest.js';
export { RecordDecoder, RecordedMessages, type RecordedMessage } from './recorded-messages.js';
export { MemorySink } from './memory-sink.js';
export { RecordFile } from '../io/record-file.js';
