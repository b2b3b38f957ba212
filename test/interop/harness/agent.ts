import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { Host } from './host.js';
import type { RunningProcess } from './processes.js';

/** A helper script of the harness in a namespace: JSON lines to its stdin, JSON lines from its stdout. */
export class Agent<Command, Event> {
  readonly process: RunningProcess;

  constructor(
    host: Host,
    script: URL,
    onEvent: (event: Event) => void,
    { node = ['--import', 'tsx'], args = [] }: { node?: readonly string[]; args?: readonly string[] } = {},
  ) {
    const { pathname } = script;
    this.process = host.spawn(process.execPath, [...node, pathname, ...args], {
      stdin: true,
      name: basename(pathname),
    });
    const { stdout } = this.process;
    createInterface({ input: stdout }).on('line', (line) => onEvent(JSON.parse(line) as Event));
  }

  tell(command: Command): void {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}
