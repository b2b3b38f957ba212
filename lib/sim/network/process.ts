import type { FsmStateName } from '../../bgp/session/types.js';
import type { FibWriter } from '../../fib/writer.js';
import type { Clock, Connection, Listener, Random, Timer, Transport } from '../../net/index.js';
import type { SpeakerConfig } from '../../speaker/options.js';
import { Speaker } from '../../speaker/speaker.js';
import type { Host } from './host.js';

/** A session of a process, as it last told. */
export interface SessionState {
  readonly state: FsmStateName;
  /** Milliseconds. */
  readonly since: number;
  readonly reason: string;
}

/**
 * One life of a speaker on a host. It can be killed: nothing runs any more then that belongs to it, the host's kernel
 * keeps what was written, and its connections are closed by the system.
 */
export class Process {
  readonly speaker: Speaker;
  /** By the neighbor's address. */
  readonly sessions = new Map<string, SessionState>();
  alive = true;
  started = false;
  readonly #host: Host;
  readonly #watches: { close(): void }[] = [];

  /**
   * @param fib whether it writes to the host's kernel
   * @param onSession told of each change of a session
   * @throws ConfigError
   */
  constructor(
    host: Host,
    config: SpeakerConfig,
    runtime: { readonly clock: Clock; readonly random: Random; readonly fib: boolean },
    onSession: (neighbor: string, from: FsmStateName, to: SessionState) => void,
  ) {
    this.#host = host;
    const clock = this.#clock(runtime.clock);
    this.speaker = new Speaker(config, {
      clock,
      random: runtime.random,
      transport: this.#transport(host.transport),
      networks: host.networks,
      ...(runtime.fib ? { fibWriter: this.#writer(host.kernel.writer()) } : {}),
    });
    this.speaker.on('neighborStateChange', ({ neighbor, from, to, reason }) => {
      const session = { state: to, since: clock.now(), reason };
      this.sessions.set(neighbor, session);
      onSession(neighbor, from, session);
    });
  }

  async start(): Promise<void> {
    await this.speaker.start();
    this.started = true;
  }

  /** It dies on the spot: the system closes its connections. */
  kill(): void {
    this.#end();
    this.#host.transport.kill();
  }

  /** The host dies with it: nobody is told anything. */
  crash(): void {
    this.#end();
    this.#host.transport.crash();
  }

  #end(): void {
    this.alive = false;
    for (const watch of this.#watches.splice(0)) watch.close();
  }

  isUp(neighbor: string): boolean {
    return this.sessions.get(neighbor)?.state === 'Established';
  }

  #clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      after: (ms: number, run: () => void): Timer =>
        clock.after(ms, () => {
          if (this.alive) run();
        }),
      soon: (run) =>
        clock.soon(() => {
          if (this.alive) run();
        }),
    };
  }

  /** Of a process that is dead nobody takes or makes connections. */
  #transport(transport: Transport): Transport {
    return {
      connect: (options, handler) => (this.alive ? transport.connect(options, handler) : { cancel: () => undefined }),
      listen: (at, onConnection, peers): Promise<Listener> =>
        transport.listen(at, (connection: Connection) => onConnection(connection), peers),
      whyNot: () => undefined,
    };
  }

  /** A dead process writes nothing, and hears nothing of what it wrote last. */
  #writer(writer: FibWriter): FibWriter {
    const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
    const mortal = <T>(answer: Promise<T>): Promise<T> =>
      answer.then(
        (value) => (this.alive ? value : never<T>()),
        (error: unknown) => {
          if (this.alive) throw error;
          return never<T>();
        },
      );
    return {
      name: writer.name,
      nextHops: writer.nextHops,
      read: (tables, visit) => (this.alive ? mortal(writer.read(tables, visit)) : never()),
      write: (changes) => (this.alive ? mortal(writer.write(changes)) : never()),
      watch: (watcher) => {
        const whenAlive =
          <A extends unknown[]>(tell: (...args: A) => void) =>
          (...args: A): void => {
            if (this.alive) tell(...args);
          };
        const watch = writer.watch!({
          onRoute: whenAlive((route, deleted) => watcher.onRoute(route, deleted)),
          onLink: whenAlive((device, up) => watcher.onLink(device, up)),
          onResync: whenAlive((reason) => watcher.onResync(reason)),
          onEnd: whenAlive((error) => watcher.onEnd(error)),
        });
        this.#watches.push(watch);
        return watch;
      },
      reset: (reason) => writer.reset(reason),
      close: () => writer.close(),
    };
  }
}
