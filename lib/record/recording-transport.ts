import type {
  Connection,
  ConnectHandler,
  ConnectionHandler,
  ConnectOptions,
  Endpoint,
  Listener,
  PeerSocketOptions,
  SocketOptions,
  Transport,
} from '../net/index.js';
import { errorParts } from './errors-json.js';
import { KIND } from './kinds.js';
import type { Recorder } from './recorder.js';
import type { TapeWriter } from './tape-writer.js';

const endpoints = ({ local, remote }: Connection): string => JSON.stringify({ local, remote });

/** A transport of which all that it tells is written down: connections, octets received, whether octets can be sent. */
export class RecordingTransport implements Transport {
  readonly whyNot?: (options: SocketOptions) => string | undefined;

  constructor(
    private readonly recorder: Recorder,
    private readonly base: Transport,
  ) {
    if (base.whyNot) this.whyNot = (options) => outcome(recorder, () => base.whyNot!(options));
  }

  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void } {
    const { recorder } = this;
    const id = recorder.nextId();
    const told: ConnectHandler = {
      onConnect: (connection) => {
        const number = recorder.nextConnection();
        const write = (tape: TapeWriter): void => {
          tape.number(id);
          tape.number(number);
          tape.text(endpoints(connection));
        };
        recorder.event(KIND.connected, write, () => {
          handler.onConnect(new RecordingConnection(recorder, connection, number));
        });
      },
      onError: (error) => {
        const write = (tape: TapeWriter): void => {
          tape.number(id);
          tape.text(JSON.stringify(errorParts(error)));
        };
        recorder.event(KIND.connectFailed, write, () => handler.onError(error));
      },
    };
    let attempt: { cancel(): void } | undefined;
    outcome(recorder, () => {
      attempt = this.base.connect(options, told);
    });
    return attempt!;
  }

  listen(
    at: Endpoint,
    onConnection: (connection: Connection) => void,
    peers?: readonly PeerSocketOptions[],
  ): Promise<Listener> {
    const { recorder } = this;
    const id = recorder.nextId();
    const told = (connection: Connection): void => {
      const number = recorder.nextConnection();
      const write = (tape: TapeWriter): void => {
        tape.number(id);
        tape.number(number);
        tape.text(endpoints(connection));
      };
      recorder.event(KIND.accepted, write, () => onConnection(new RecordingConnection(recorder, connection, number)));
    };
    return answered(recorder, id, this.base.listen(at, told, peers), ({ local, setPeers }) => ({
      local,
      setPeers: setPeers !== undefined,
    })).then((listener) => this.#listener(listener));
  }

  #listener(listener: Listener): Listener {
    const { recorder } = this;
    return {
      local: listener.local,
      ...(listener.setPeers
        ? { setPeers: (peers: readonly PeerSocketOptions[]) => outcome(recorder, () => listener.setPeers!(peers)) }
        : {}),
      close: () => answered(recorder, recorder.nextId(), listener.close(), () => null),
    };
  }
}

class RecordingConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;

  constructor(
    private readonly recorder: Recorder,
    private readonly base: Connection,
    private readonly number: number,
  ) {
    this.local = base.local;
    this.remote = base.remote;
  }

  setHandler(handler: ConnectionHandler): void {
    const { recorder, number } = this;
    const id = (tape: TapeWriter): void => tape.number(number);
    this.base.setHandler({
      onData: (lent) => {
        const chunk = recorder.isBusy ? lent.slice() : lent;
        const write = (tape: TapeWriter): void => {
          tape.number(number);
          tape.octets(chunk);
        };
        recorder.event(KIND.data, write, () => handler.onData(chunk));
      },
      onDrain: () => recorder.event(KIND.drain, id, () => handler.onDrain()),
      onClose: (error) => {
        const write = (tape: TapeWriter): void => {
          tape.number(number);
          tape.text(error ? JSON.stringify(errorParts(error)) : '');
        };
        recorder.event(KIND.close, write, () => handler.onClose(error));
      },
    });
  }

  send(bytes: Uint8Array): boolean {
    return this.recorder.sent(this.number, bytes.length, this.base.send(bytes));
  }

  get queuedBytes(): number {
    return this.recorder.queued(this.base.queuedBytes);
  }

  pause(): void {
    this.base.pause();
  }

  resume(): void {
    this.base.resume();
  }

  end(): void {
    this.base.end();
  }

  destroy(): void {
    this.base.destroy();
  }
}

/** Write down what a call of the speaker gave or threw. */
export function outcome<T>(recorder: Recorder, run: () => T): T {
  try {
    const value = run();
    recorder.outcome(JSON.stringify({ value }));
    return value;
  } catch (error) {
    recorder.outcome(JSON.stringify({ error: errorParts(error) }));
    throw error;
  }
}

/** Write down the answer of a promise when it comes, as an event. @param show what a replay must know of it */
export function answered<T>(recorder: Recorder, id: number, base: Promise<T>, show: (value: T) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const tell = (outcome: unknown, run: () => void): void => {
      const write = (tape: TapeWriter): void => {
        tape.number(id);
        tape.text(JSON.stringify(outcome));
      };
      recorder.turn(() => recorder.event(KIND.answer, write, run));
    };
    base.then(
      (value) => tell({ value: show(value) }, () => resolve(value)),
      (error: unknown) => tell({ error: errorParts(error) }, () => reject(error as Error)),
    );
  });
}
