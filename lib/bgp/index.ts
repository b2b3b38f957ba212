/** The protocol: codec, state machine and session, each usable alone. */
export * from './wire/index.js';
