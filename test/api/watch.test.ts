import { get, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { createApi, serveApi, type ApiServer } from '../../lib/api/index.js';
import { runProgram } from '../../lib/cli/program.js';
import { Speaker } from '../../lib/speaker/speaker.js';
import type { WatchEvent } from '../../lib/speaker/watch-events.js';
import { VirtualClock } from '../../lib/sim/index.js';

/** Reads lines of a response as they come. */
class Lines {
  text = '';
  ended = false;
  private wake: (() => void) | undefined;

  constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.more(text));
    response.on('error', () => this.end());
    response.on('close', () => this.end());
  }

  private more(text: string): void {
    this.text += text;
    this.wake?.();
  }

  private end(): void {
    this.ended = true;
    this.wake?.();
  }

  get events(): WatchEvent[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as WatchEvent);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.ended) throw new Error(`the answer ended: ${this.text}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

const open = (url: string, headers: Record<string, string> = {}): Promise<Lines> =>
  new Promise((resolve, reject) => {
    get(url, { headers }, (response) => resolve(new Lines(response))).on('error', reject);
  });

describe('GET /v1/watch', () => {
  let speaker: Speaker;
  let server: ApiServer;
  const watches = () => (speaker as unknown as { watches: { open: Set<unknown> } }).watches.open;

  beforeEach(async () => {
    speaker = new Speaker({ asn: 64512, routerId: '10.0.0.1' });
    await speaker.start();
    server = await serveApi(speaker, '127.0.0.1:0');
  });
  afterEach(async () => {
    await server.close();
    await speaker.stop();
  });

  it('JSON lines: what there is, the mark, then each change; it ends when the client goes', async () => {
    speaker.announce('10.1.0.0/16');
    await speaker.idle();
    const lines = await open(`${server.url}/v1/watch`);
    expect(lines.response.headers['content-type']).to.equal('application/x-ndjson');
    await lines.until(() => lines.events.length === 2);
    speaker.announce('10.2.0.0/16', { med: 7 });
    await lines.until(() => lines.events.length === 3);
    expect(lines.events.map(({ type, sequence }) => [sequence, type])).to.deep.equal([
      [1, 'route'],
      [2, 'endOfSnapshot'],
      [3, 'route'],
    ]);
    expect(lines.events[2]).to.deep.nested.include({ prefix: '10.2.0.0/16', 'best.med': 7, coalesced: 0 });
    expect(watches().size).to.equal(1);
    lines.response.destroy();
    while (watches().size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('server-sent events by Accept or format', async () => {
    speaker.announce('10.1.0.0/16');
    await speaker.idle();
    const lines = await open(`${server.url}/v1/watch?family=ipv4-unicast`, { accept: 'text/event-stream' });
    expect(lines.response.headers['content-type']).to.equal('text/event-stream');
    await lines.until(() => lines.text.includes('endOfSnapshot'));
    const [first, second] = lines.text.split('\n\n');
    expect(first).to.match(/^id: 1\nevent: route\ndata: \{"sequence":1,.*"prefix":"10\.1\.0\.0\/16".*\}$/);
    expect(second).to.match(/^id: 2\nevent: endOfSnapshot\ndata: \{.*"pending":0\}$/);
    lines.response.destroy();
  });

  it('a comment for proxies while nothing happens', async () => {
    const clock = new VirtualClock();
    const quiet = new Speaker({ asn: 64512, routerId: '10.0.0.2' }, { clock });
    const response = await createApi(quiet, { clock }).request('/v1/watch?format=events', {
      headers: { host: '127.0.0.1' },
    });
    const reader = response.body!.getReader();
    const read = async (): Promise<string> => {
      const next = reader.read();
      await clock.runAsync(30_000);
      return new TextDecoder().decode((await next).value as Uint8Array);
    };
    expect(await read()).to.include('event: endOfSnapshot');
    expect(await read()).to.equal(':\n\n');
    expect(await read()).to.equal(':\n\n');
    await reader.cancel();
  });

  it('neighbors, no routes; ends when the speaker stops', async () => {
    speaker.addNeighbor({ address: '127.0.0.9', peerAs: 64512, port: 1 });
    const lines = await open(`${server.url}/v1/watch?routes=false&neighbors=true`);
    await lines.until(() => lines.events.some(({ type }) => type === 'endOfSnapshot'));
    expect(lines.events[0]).to.deep.nested.include({ type: 'neighbor', 'neighbor.address': '127.0.0.9' });
    await speaker.stop();
    await lines.until(() => lines.ended).catch(() => undefined);
    expect(lines.events.at(-1)).to.deep.nested.include({ type: 'neighbor', 'neighbor.state': 'Idle' });
    expect(lines.response.complete).to.equal(true);
  });

  it('refuses parameters that it does not know', async () => {
    for (const query of ['families=x', 'family=x', 'all=1', 'format=json']) {
      const response = await fetch(`${server.url}/v1/watch?${query}`);
      expect([query, response.status]).to.deep.equal([query, 400]);
    }
    expect(watches().size).to.equal(0);
  });

  it('tsbgp watch prints it', async () => {
    speaker.announce('10.1.0.0/16');
    await speaker.idle();
    let text = '';
    const out = {
      result: (more: string) => {
        text += more;
        if (text.includes('endOfSnapshot')) void speaker.stop();
        return Promise.resolve();
      },
      message: (message: string) => {
        throw new Error(message);
      },
    };
    expect(await runProgram(['watch', '--api', server.url, '--family', 'ipv4-unicast'], out as never)).to.equal(0);
    expect(text.split('\n')[0]).to.include('"prefix":"10.1.0.0/16"');
    const said: string[] = [];
    const wrong = { ...out, message: (message: string) => said.push(message) };
    expect(await runProgram(['watch', '--api', server.url, '--family', 'x'], wrong as never)).to.equal(2);
    expect(said.join()).to.include("family: found 'x'");
  });
});
