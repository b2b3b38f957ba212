import type { Server, Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/**
 * What is inside of Node's sockets. The streams around it take as long as the system for a small read or write; there is no
 * public way past them. What is here has been the same since Node 12; where a part is missing the streams are used.
 */

/** A write that the system has not taken as a whole yet. */
export interface WriteRequest {
  oncomplete: (status: number) => void;
  /** Must not be collected before it is written. */
  buffer?: Uint8Array;
}

/** The connection itself. Functions return 0, or a negative error number. */
export interface StreamHandle {
  /** Node's own note that it is read: where it says so, Node does not begin by itself. Undefined before the first time. */
  reading?: boolean;
  /** Called when something was read, or cannot be any more: see {@link StreamBinding.streamBaseState}. */
  onread: () => void;
  readStart(): number;
  readStop(): number;
  /** All that is read goes into this, from its beginning. Once. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Octets not written yet. */
  readonly writeQueueSize: number;
  writeBuffer(request: WriteRequest, octets: Uint8Array): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  /** How the last read or write of any connection went, by the following numbers. */
  readonly streamBaseState: Int32Array;
  /** Octets read, or a negative error number. */
  readonly kReadBytesOrError: number;
  /** 0: all was written. */
  readonly kLastWriteWasAsync: number;
}

export const streamBinding = bindingIfAny();

function bindingIfAny(): StreamBinding | undefined {
  const node = process as unknown as {
    binding(name: string): Partial<StreamBinding>;
    noDeprecation?: boolean | undefined;
  };
  const { noDeprecation } = node;
  try {
    // It is deprecated, and users cannot help it: they are not warned.
    node.noDeprecation = true;
    const found = node.binding('stream_wrap');
    const { WriteWrap, streamBaseState, kReadBytesOrError = -1, kLastWriteWasAsync = -1 } = found;
    const hasState = [kReadBytesOrError, kLastWriteWasAsync].every((at) => streamBaseState?.[at] !== undefined);
    return typeof WriteWrap === 'function' && hasState ? (found as StreamBinding) : undefined;
  } catch {
    return undefined;
  } finally {
    node.noDeprecation = noDeprecation;
  }
}

type Inner = Partial<StreamHandle> & { readonly fd?: number };

function innerOf(owner: Socket | Server): Inner | undefined {
  return (owner as unknown as { _handle?: Inner | null })._handle ?? undefined;
}

/** The number of a socket in the system. Undefined before it is there, once it is closed, or when this Node does not tell. */
export function descriptorOf(owner: Socket | Server): number | undefined {
  const fd = innerOf(owner)?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}

/** What is inside of a connected socket; undefined: that cannot be known, or used. */
export function handleOf(socket: Socket): StreamHandle | undefined {
  const handle = innerOf(socket);
  if (streamBinding === undefined || handle === undefined) return undefined;
  const { readStart, readStop, useUserBuffer, writeBuffer } = handle;
  const isWhole = [readStart, readStop, useUserBuffer, writeBuffer].every((one) => typeof one === 'function');
  return isWhole && typeof handle.writeQueueSize === 'number' ? (handle as StreamHandle) : undefined;
}

/** @param status a negative error number */
export function isEndOfStream(status: number): boolean {
  return getSystemErrorName(status) === 'EOF';
}

/** An error as Node's sockets have them. */
export function systemError(status: number, syscall: string): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`${syscall} ${code}`), { errno: status, code, syscall });
}
