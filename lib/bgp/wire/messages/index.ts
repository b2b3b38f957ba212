export * from './open.js';
export * from './update.js';
export { RawAttribute } from './attribute-judge.js';
export type { BlockOptions } from './attribute-judge.js';
export * from './parse-update.js';
export * from './notification.js';
export * from './keepalive.js';
export * from './route-refresh.js';
export * from './message.js';
