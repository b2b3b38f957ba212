/**
 * A neighbor in a process of its own that sends one message as fast as it is taken: `node flooder.ts PORT FROM HELLO FLOOD`, both
 * in hex; HELLO comes once. Prints `flooding` when the session is up. What it is sent it reads and forgets.
 */
import { connect } from 'node:net';

const [port = '', from = '', hello = '', flood = ''] = process.argv.slice(2);
const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress: from });
const message = Buffer.from(flood, 'hex');
const block = Buffer.concat(new Array<Buffer>(Math.ceil(65536 / message.length)).fill(message));

function pour(): void {
  while (socket.write(block));
  socket.once('drain', pour);
}

socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
socket.on('data', () => undefined);
socket.once('connect', () => {
  socket.write(Buffer.from(hello, 'hex'));
  setTimeout(() => {
    process.stdout.write('flooding\n');
    pour();
  }, 300);
});
