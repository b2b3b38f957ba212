/** The composition root: Speaker, its configuration and what it shows. */
export { Speaker } from './speaker.js';
export { warmUpFor } from './warm-up.js';
export type { Neighbor } from './neighbor.js';
export type * from './options.js';
export type * from './views.js';
export type * from './events.js';
export type * from './watch-events.js';
export type { Watch } from './watch.js';
export type * from './speaker-api.js';
export type * from './reload-plan.js';
export { checkConfig } from './config.js';
export { ConfigError } from './config-errors.js';
export { diffConfig } from './config-diff.js';
