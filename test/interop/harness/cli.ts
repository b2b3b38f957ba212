import { Agent } from './agent.js';
import type { Host } from './host.js';

interface Answer {
  readonly id: number;
  readonly code: number | 'crashed';
  readonly out: string;
  readonly err: string;
}

/** `tsbgp` commands in a host. */
export class Cli {
  readonly #agent: Agent<{ id: number; args: readonly string[] }, Answer>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #ids = 0;

  /** @param node  arguments of Node in front of the script  @param program  the module with `runProgram` */
  constructor(host: Host, node: readonly string[], program: string) {
    const script = new URL('./cli-agent.js', import.meta.url);
    this.#agent = new Agent(host, script, (answer) => this.#settle(answer), { node, args: [program] });
    void this.#agent.process.exited.then(() => {
      for (const id of this.#waiting.keys())
        this.#settle({ id, code: 'crashed', out: '', err: this.#agent.process.log });
    });
  }

  /** @returns stdout @throws Error with stderr when the exit code is not 0 */
  async run(...args: readonly string[]): Promise<string> {
    const id = ++this.#ids;
    const { code, out, err } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#agent.tell({ id, args });
    });
    if (code === 0) return out;
    throw new Error(`tsbgp ${args.join(' ')} failed (${code})\n${err}${out.slice(0, 2000)}`);
  }

  get running(): boolean {
    return this.#agent.process.running;
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
