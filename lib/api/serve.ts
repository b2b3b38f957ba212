import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { ProcessMonitor } from '../io/process-monitor.js';
import { TransportError, UsageError } from '../net/index.js';
import { parseHostPort } from '../speaker/config-address.js';
import type { SpeakerApi } from '../speaker/speaker-api.js';
import { createApi, type ApiOptions } from './app.js';

/** The API server while it runs. */
export interface ApiServer {
  /** `http://127.0.0.1:8179`: the address and port really bound. */
  readonly url: string;
  /** The address is not a loopback one: everybody who can reach it can change routes and sessions. */
  readonly exposed: boolean;
  /** Stop listening and cut all connections. */
  close(): Promise<void>;
}

/**
 * Serve the HTTP API of a speaker.
 * @param listen `127.0.0.1:8179` or `[::1]:8179`; port 0 lets the system choose
 * @throws UsageError `bad_listen`; TransportError (rejects) with the errno name when the address cannot be bound
 */
export async function serveApi(
  speaker: SpeakerApi,
  listen: string,
  options: Omit<ApiOptions, 'monitor'> = {},
): Promise<ApiServer> {
  const at = parseHostPort(listen);
  if (at === undefined) throw new UsageError('bad_listen', `expected an address and a port, not '${listen}'`, 'listen');
  const { address, port } = at;
  const monitor = new ProcessMonitor();
  const { fetch } = createApi(speaker, { ...options, monitor });
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false });
  const bound = await listening(server, address, port).catch((error: unknown) => {
    monitor.stop();
    throw error;
  });
  const host = address.includes(':') ? `[${address}]` : address;
  return {
    url: `http://${host}:${bound}`,
    exposed: !(address.startsWith('127.') || address === '::1'),
    close: () =>
      new Promise((resolve) => {
        monitor.stop();
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function listening(server: ServerType, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? 'EUNKNOWN';
      reject(
        new TransportError(code, `the API cannot listen on ${address} port ${port}: ${error.message}`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen(port, address, () => {
      server.removeListener('error', failed);
      const at = server.address();
      resolve(typeof at === 'object' && at !== null ? at.port : port);
    });
  });
}
