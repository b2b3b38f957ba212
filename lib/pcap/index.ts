/**
 * Captures: BGP messages out of pcap and pcapng files. Does no I/O: octets are pushed in as they are read.
 */
export { CaptureError, CaptureReader } from './capture.js';
export type { CapturedFrame } from './capture.js';
export type { CapturedMessage } from './connection.js';
export { CapturedMessages, PcapDecoder } from './messages.js';
