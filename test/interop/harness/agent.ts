import { createInterface } from 'node:readline';
import type { Host } from './host.js';
import type { RunningProcess } from './processes.js';

/** A helper script of the harness in a namespace: JSON lines to its stdin, JSON lines from its stdout. */
export class Agent<Command, Event> {
  readonly process: RunningProcess;

  constructor(host: Host, script: URL, onEvent: (event: Event) => void) {
    this.process = host.spawn(process.execPath, ['--import', 'tsx', script.pathname], { stdin: true });
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
