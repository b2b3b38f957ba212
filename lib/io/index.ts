/** The edge: real time and real TCP. */
export * from './clock.js';
export { TcpTransport, type TcpOptions } from './tcp.js';
export { ProcessMonitor, type ProcessView } from './process-monitor.js';
export { SystemNetworks } from './local-networks.js';
export { IpRouteWriter, type IpRouteWriterOptions } from './ip-route-writer.js';
export { NetlinkWriter, type NetlinkWriterOptions } from './netlink/index.js';
export { createFib, createConntrack, createFibWriter } from './create-fib.js';
export * from './conntrack-tool.js';
