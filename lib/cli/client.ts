import { CommandError } from './output.js';

/** How long a running speaker may take to begin its answer. */
const ANSWER_MS = 10_000;

/** Talks to the API of a running speaker. All failures are {@link CommandError}s that say what to do. */
export class ApiClient {
  readonly #base: string;

  /** @param option where the URL was given */
  constructor(url: string, option = '--api') {
    if (!/^https?:\/\/[^/]+\/*$/.test(url))
      throw new CommandError(`${option}: expected a URL such as http://127.0.0.1:8179, not '${url}'`, 2);
    this.#base = url.replace(/\/+$/, '');
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.#ask(path, {})).json()) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return (await (await this.#ask(path, init)).json()) as T;
  }

  /** The answer as text, piece by piece. */
  async *text(path: string): AsyncGenerator<string> {
    const response = await this.#ask(path, {});
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body!) yield decoder.decode(chunk as Uint8Array, { stream: true });
    } catch (error) {
      throw new CommandError(`the answer broke off: ${causeOf(error)}`);
    }
  }

  /** The items of a list, one by one. */
  async *items<T>(path: string): AsyncGenerator<T> {
    let rest = '';
    for await (const text of this.text(`${path}${path.includes('?') ? '&' : '?'}format=json-lines`)) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield item<T>(line);
    }
    if (rest !== '') throw new CommandError('the answer broke off');
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), ANSWER_MS);
    try {
      const response = await fetch(`${this.#base}${path}`, { ...init, signal: abort.signal });
      if (response.ok) return response;
      throw new CommandError(await errorText(response), response.status === 400 ? 2 : 1);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      const why = abort.signal.aborted ? `no answer within ${ANSWER_MS / 1000} seconds` : causeOf(error);
      throw new CommandError(
        `no speaker at ${this.#base}: ${why}\nIs 'tsbgp run' running, with 'api' in its configuration? (--api URL)`,
      );
    } finally {
      clearTimeout(timer);
    }
  }
}

function item<T>(line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch {
    throw new CommandError('the answer is not JSON lines: is it a tsbgp of this version?');
  }
}

async function errorText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not our API: the status must do.
  }
  return `the server answered ${response.status} ${response.statusText}`;
}

function causeOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message: string };
  if (cause?.code === 'ECONNREFUSED') return 'connection refused';
  return cause?.message ?? message;
}
