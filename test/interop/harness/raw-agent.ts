/**
 * Sockets for a test that cannot enter a network namespace itself: this process runs in there, does what the JSON lines
 * on stdin say, and tells on stdout what happened. RawPeer (raw-peer.ts) starts it and speaks with it.
 */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

export type AgentCommand =
  | { readonly do: 'connect'; readonly id: number; readonly to: string; readonly from: string }
  | { readonly do: 'listen'; readonly at: string }
  | { readonly do: 'send'; readonly id: number; readonly hex: string }
  | { readonly do: 'end' | 'reset'; readonly id: number };

export type AgentEvent =
  | { readonly event: 'ready' }
  | { readonly event: 'listening'; readonly at: string }
  | { readonly event: 'connected'; readonly id: number }
  | { readonly event: 'accepted'; readonly id: number; readonly at: string }
  | { readonly event: 'data'; readonly id: number; readonly hex: string }
  | { readonly event: 'closed'; readonly id: number; readonly error?: string };

const PORT = 179;
const sockets = new Map<number, Socket>();
let accepted = 0;

const tell = (event: AgentEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

function adopt(id: number, socket: Socket): void {
  sockets.set(id, socket);
  let failure: string | undefined;
  socket.on('data', (chunk) => tell({ event: 'data', id, hex: chunk.toString('hex') }));
  socket.on('error', (error) => (failure = error.message));
  socket.on('close', () => tell({ event: 'closed', id, ...(failure === undefined ? {} : { error: failure }) }));
}

function obey(command: AgentCommand): void {
  switch (command.do) {
    case 'connect': {
      const socket = connect({ host: command.to, port: PORT, localAddress: command.from });
      socket.once('connect', () => tell({ event: 'connected', id: command.id }));
      return adopt(command.id, socket);
    }
    case 'listen': {
      const server = createServer((socket) => {
        // Below zero, apart from the ids that the other side gives.
        const id = --accepted;
        adopt(id, socket);
        tell({ event: 'accepted', id, at: command.at });
      });
      server.listen({ host: command.at, port: PORT }, () => tell({ event: 'listening', at: command.at }));
      return;
    }
    case 'send':
      sockets.get(command.id)?.write(Buffer.from(command.hex, 'hex'));
      return;
    case 'end':
      sockets.get(command.id)?.end();
      return;
    case 'reset':
      sockets.get(command.id)?.resetAndDestroy();
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line) as AgentCommand));
lines.on('close', () => process.exit());
tell({ event: 'ready' });
