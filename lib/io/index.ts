/** The edge: real time and real TCP. */
export * from './clock.js';
export { TcpTransport, type TcpOptions } from './tcp.js';
