/** The HTTP+JSON API of a running speaker. */
export { createApi, type ApiOptions } from './app.js';
export { serveApi, type ApiServer } from './serve.js';
