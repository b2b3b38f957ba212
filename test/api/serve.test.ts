import { createServer } from 'node:net';
import { expect } from 'chai';
import { serveApi, type ApiServer } from '../../lib/api/index.js';
import type { ProcessView } from '../../lib/io/index.js';
import { TransportError, UsageError } from '../../lib/net/index.js';
import { FakeSpeaker } from './fake-speaker.js';

describe('HTTP API server', () => {
  const servers: ApiServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('serves on loopback and says where', async () => {
    const speaker = new FakeSpeaker();
    const server = await serveApi(speaker, '127.0.0.1:0');
    servers.push(server);
    expect(server.url).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.exposed).to.equal(false);
    const response = await fetch(`${server.url}/v1/routes?all=true`);
    expect(response.headers.get('content-type')).to.equal('application/json');
    expect(await response.json()).to.deep.equal(speaker.paths);
  });

  it('knows when others can reach it', async () => {
    const server = await serveApi(new FakeSpeaker(), '0.0.0.0:0');
    servers.push(server);
    expect(server.exposed).to.equal(true);
  });

  it('says why it cannot listen', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const error = await serveApi(new FakeSpeaker(), `127.0.0.1:${port}`).catch((e: unknown) => e);
    other.close();
    expect(error).to.be.instanceOf(TransportError).with.property('code', 'EADDRINUSE');
    const wrong = await serveApi(new FakeSpeaker(), 'localhost:1').catch((e: unknown) => e);
    expect(wrong).to.be.instanceOf(UsageError).with.property('code', 'bad_listen');
  });

  it('measures the process: memory, processor time, stalls of the event loop', async () => {
    const server = await serveApi(new FakeSpeaker(), '127.0.0.1:0');
    servers.push(server);
    const begun = Date.now();
    const post = (path: string): Promise<Response> =>
      fetch(`${server.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    const reset = (await (await post('/v1/process/reset')).json()) as ProcessView;
    expect(reset.eventLoop.since).to.be.at.least(begun);
    // Whoever holds the loop up is seen, and forgotten after a reset.
    let stall = 0;
    for (const limit = Date.now() + 10_000; stall < 50 && Date.now() < limit;) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const end = performance.now() + 60; performance.now() < end;);
      const view = (await (await fetch(`${server.url}/v1/process`)).json()) as ProcessView;
      stall = view.eventLoop.longestStallMs;
      expect(view.memory.peakResidentBytes).to.be.at.least(view.memory.heapUsedBytes);
      expect(view.cpuSeconds).to.be.greaterThan(0);
    }
    expect(stall).to.be.at.least(50);
    expect(((await (await post('/v1/process/reset')).json()) as ProcessView).eventLoop.longestStallMs).to.be.below(
      stall,
    );
  });

  it('closes with clients connected', async () => {
    const server = await serveApi(new FakeSpeaker(), '127.0.0.1:0');
    await (await fetch(`${server.url}/v1/summary`)).text();
    await server.close();
    const error = await fetch(`${server.url}/v1/summary`).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(Error);
  });
});
