export { NetlinkWriter, type NetlinkWriterOptions } from './netlink-writer.js';
export { whyNoNetlink } from './socket.js';
