/** The protocol: codec, state machine and session, each usable alone. */
export * from './wire/index.js';
export * from './fsm/index.js';
export * from './session/index.js';
