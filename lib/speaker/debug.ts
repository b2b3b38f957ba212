import debug from 'debug';

/** A log namespace (`DEBUG=tsbgp:*`), written to stderr by the `debug` package. */
export function createDebug(namespace: string): debug.Debugger {
  return debug(namespace);
}
