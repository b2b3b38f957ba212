import { get, type IncomingMessage } from 'node:http';
import { CommandError, type Output } from './output.js';

export interface WatchCommandOptions {
  readonly api: string;
  readonly family?: string;
  readonly all?: boolean;
  readonly neighbors?: boolean;
  readonly fib?: boolean;
  /** False: `--no-routes`. */
  readonly routes?: boolean;
}

/**
 * Print the events of a running speaker as JSON lines until it stops or we are interrupted. By `node:http`, since `fetch`
 * gives up on an answer that is silent for five minutes.
 * @throws CommandError when there is no speaker, it refuses, or the answer breaks off
 */
export async function watch(options: WatchCommandOptions, out: Output): Promise<void> {
  const parameters = new URLSearchParams({ format: 'json-lines' });
  if (options.family !== undefined) parameters.set('family', options.family);
  if (options.routes === false) parameters.set('routes', 'false');
  for (const name of ['all', 'neighbors', 'fib'] as const) if (options[name]) parameters.set(name, 'true');
  const response = await ask(`${options.api.replace(/\/+$/, '')}/v1/watch?${parameters.toString()}`);
  response.setEncoding('utf8');
  try {
    for await (const text of response) await out.result(text as string);
  } catch (error) {
    throw new CommandError(`the answer broke off: ${(error as Error).message}`);
  }
}

function ask(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let request;
    try {
      request = get(url, resolve);
    } catch {
      return reject(new CommandError(`--api: expected a URL such as http://127.0.0.1:8179, not '${url}'`, 2));
    }
    request.on('error', (error) => reject(new CommandError(`no speaker at ${url}: ${error.message}`)));
  }).then(async (answer) => {
    const response = answer as IncomingMessage;
    if (response.statusCode === 200) return response;
    response.setEncoding('utf8');
    let text = '';
    for await (const part of response) text += part as string;
    throw new CommandError(messageOf(text), response.statusCode === 400 ? 2 : 1);
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { error: string }).error;
  } catch {
    return `not an answer of tsbgp: ${text.slice(0, 100)}`;
  }
}
