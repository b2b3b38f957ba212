import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Two ends of a TCP connection on loopback, as Node gives them; nothing was read from the first one. */
export interface SocketPair {
  readonly near: Socket;
  readonly far: Socket;
  close(): void;
}

export async function socketPair(options: object = {}): Promise<SocketPair> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => void accepted.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const near = connect({ port, host: '127.0.0.1', ...options });
  // Whoever takes it decides when it is read.
  near.pause();
  await Promise.all([once(near, 'connect'), once(server, 'connection')]);
  const far = accepted[0]!;
  const close = (): void => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, close };
}
