export { NetlinkWriter, type NetlinkWriterOptions } from './netlink-writer.js';
