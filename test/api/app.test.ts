import { expect } from 'chai';
import { createApi } from '../../lib/api/index.js';
import { FakeSpeaker, pathView } from './fake-speaker.js';

const HOST = { host: '127.0.0.1:8179' };
const JSON_TYPE = { 'content-type': 'application/json' };

describe('HTTP API', () => {
  let speaker: FakeSpeaker;
  let api: ReturnType<typeof createApi>;

  beforeEach(() => {
    speaker = new FakeSpeaker();
    api = createApi(speaker);
  });

  async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
    const response = await api.request(path, { headers: { ...HOST, ...headers } });
    return { status: response.status, body: await response.json() };
  }

  async function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: unknown }> {
    const init = { method: 'POST', headers: { ...HOST, ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
    const response = await api.request(path, init);
    return { status: response.status, body: await response.json() };
  }

  it('answers the views of the speaker', async () => {
    expect(await get('/v1/summary')).to.deep.equal({ status: 200, body: speaker.summary() });
    expect(await get('/v1/neighbors')).to.deep.equal({ status: 200, body: speaker.neighbors() });
    expect(await get('/v1/neighbors/10.0.0.2')).to.deep.equal({ status: 200, body: speaker.neighbor('10.0.0.2') });
    expect(await get('/v1/neighbors/2001:DB8:0::2')).to.deep.equal({
      status: 200,
      body: speaker.neighbor('2001:db8::2'),
    });
    expect(await get('/v1/fib')).to.deep.equal({ status: 200, body: speaker.fib });
    expect(await get('/v1/fib?state=unresolved')).to.deep.equal({ status: 200, body: [speaker.fib[1]] });
    expect(await get('/v1/fib?prefix=10.0.0.0/13')).to.deep.equal({ status: 200, body: [speaker.fib[0]] });
    expect((await get('/v1/fib?state=lost')).status).to.equal(400);
    expect(await get('/v1/fib/10.9.0.0/16')).to.deep.equal({ status: 200, body: speaker.fib[1] });
    expect((await get('/v1/fib/10.8.0.0/16')).status).to.equal(404);
    expect(await get('/v1/fib/summary')).to.deep.equal({ status: 200, body: speaker.fibSummary() });
    expect(((await get('/')).body as { paths: string[] }).paths).to.include('GET /v1/summary');
  });

  it('confirms removals', async () => {
    speaker.fibTrouble = { removing: 7 };
    expect(await post('/v1/fib/confirm-removals', {})).to.deep.equal({ status: 200, body: { confirmed: 7 } });
    expect(speaker.calls).to.deep.include(['confirmFibRemovals']);
    expect((await post('/v1/fib/confirm-removals', { all: true })).status).to.equal(400);
  });

  it('explains a prefix, its slash written or escaped', async () => {
    for (const path of ['/v1/routes/10.1.0.0/16', '/v1/routes/10.1.0.0%2F16']) {
      expect(await get(path)).to.deep.equal({ status: 200, body: speaker.explain('10.1.0.0/16') });
    }
    expect(await get('/v1/routes/2001:DB8:1::/48')).to.deep.equal({
      status: 200,
      body: speaker.explain('2001:db8:1::/48'),
    });
    expect((await get('/v1/routes/10.1.0.1/16')).body).to.include({ code: 'bad_prefix' });
  });

  const filters: [string, number[]][] = [
    ['', [0, 2, 3]],
    ['?family=ipv4-unicast', [0, 2]],
    ['?all=true', [0, 1, 2, 3]],
    ['?receivedFrom=10.0.0.2&family=ipv6-unicast', [3]],
    ['?prefix=10.0.0.0/8', [0, 2]],
    ['?prefix=10.2.0.0/16', [2]],
    ['?prefix=10.2.0.0/25', []],
    ['?prefix=2001:db8::/32', [3]],
    ['?limit=2', [0, 2]],
    ['?limit=0', []],
  ];
  for (const [query, expected] of filters) {
    it(`lists routes${query}`, async () => {
      expect(await get(`/v1/routes${query}`)).to.deep.equal({
        status: 200,
        body: expected.map((i) => speaker.paths[i]),
      });
    });
  }

  it('lists routes as JSON lines when asked', async () => {
    const lines = speaker.paths.filter((path) => path.best).map((path) => `${JSON.stringify(path)}\n`);
    for (const [path, headers] of [
      ['/v1/routes?format=json-lines', {}],
      ['/v1/routes', { accept: 'application/x-ndjson' }],
    ] as const) {
      const response = await api.request(path, { headers: { ...HOST, ...headers } });
      expect(response.headers.get('content-type')).to.equal('application/x-ndjson');
      expect(await response.text()).to.equal(lines.join(''));
    }
  });

  it('changes routes', async () => {
    const body = { prefix: '10.5.0.0/16', nextHop: '10.0.0.5', communities: ['no-export'], med: 5 };
    expect(await post('/v1/announce', body)).to.deep.equal({ status: 200, body: { announced: '10.5.0.0/16' } });
    expect(await post('/v1/withdraw', { prefix: '10.5.0.0/16' })).to.deep.equal({
      status: 200,
      body: { withdrawn: '10.5.0.0/16' },
    });
    expect(speaker.calls).to.deep.equal([
      ['announce', '10.5.0.0/16', { nextHop: '10.0.0.5', communities: ['no-export'], med: 5 }],
      ['withdraw', '10.5.0.0/16'],
    ]);
  });

  it('enables, disables and resets neighbors', async () => {
    expect((await post('/v1/neighbors/10.0.0.2/disable', { reason: 'cable' })).status).to.equal(200);
    expect((await post('/v1/neighbors/10.0.0.2/enable', {})).body).to.deep.equal(speaker.neighbor('10.0.0.2'));
    expect((await post('/v1/neighbors/10.0.0.2/reset', {})).status).to.equal(200);
    expect(speaker.calls).to.deep.equal([
      ['disableNeighbor', '10.0.0.2', 'cable'],
      ['enableNeighbor', '10.0.0.2'],
      ['resetNeighbor', '10.0.0.2', undefined],
    ]);
  });

  const wrong: [string, string, unknown, number, string][] = [
    ['GET', '/v1/neighbors/10.0.0.77', undefined, 404, 'unknown_neighbor'],
    ['GET', '/v1/neighbors/nobody', undefined, 400, 'bad_address'],
    ['GET', '/v1/routes?receivedFrom=10.0.0.77', undefined, 404, 'unknown_neighbor'],
    ['GET', '/v1/routes?receivedFrom=x', undefined, 400, 'bad_address'],
    ['GET', '/v1/routes?familiy=ipv4-unicast', undefined, 400, 'unknown_parameter'],
    ['GET', '/v1/routes?family=ipv5', undefined, 400, 'bad_parameter'],
    ['GET', '/v1/routes?family=ipv6-unicast&prefix=10.0.0.0/8', undefined, 400, 'bad_parameter'],
    ['GET', '/v1/routes?receivedFrom=10.0.0.2&advertisedTo=10.0.0.2', undefined, 400, 'bad_parameter'],
    ['GET', '/v1/routes?limit=-1', undefined, 400, 'bad_parameter'],
    ['GET', '/v1/nothing', undefined, 404, 'not_found'],
    ['DELETE', '/v1/neighbors/10.0.0.2', undefined, 404, 'not_found'],
    ['POST', '/v1/withdraw', { prefix: '10.99.0.0/16' }, 404, 'not_originated'],
    ['POST', '/v1/withdraw', {}, 400, 'bad_prefix'],
    ['POST', '/v1/withdraw', { prefix: 5 }, 400, 'bad_body'],
    ['POST', '/v1/withdraw', { prefix: '10.5.0.0/16', force: true }, 400, 'bad_body'],
    ['POST', '/v1/withdraw', [], 400, 'bad_body'],
    ['POST', '/v1/announce', { prefix: '10.5.0.1/16' }, 400, 'bad_config'],
    ['POST', '/v1/announce', { prefix: '10.5.0.0/16', nexthop: '10.0.0.1' }, 400, 'bad_config'],
    ['POST', '/v1/announce', { prefix: '2001:db8::/32', nextHop: '10.0.0.9' }, 400, 'bad_config'],
    ['POST', '/v1/neighbors/10.0.0.77/reset', {}, 404, 'unknown_neighbor'],
    ['POST', '/v1/neighbors/10.0.0.2/enable', { reason: 'x' }, 400, 'bad_body'],
  ];
  for (const [method, path, body, status, code] of wrong) {
    it(`answers ${status} ${code} to ${method} ${path} ${body === undefined ? '' : JSON.stringify(body)}`, async () => {
      const init = {
        method,
        headers: { ...HOST, ...JSON_TYPE },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const response = await api.request(path, init);
      expect([response.status, ((await response.json()) as { code: string }).code]).to.deep.equal([status, code]);
      expect(speaker.calls.filter(([name]) => name !== 'routes')).to.deep.equal([]);
    });
  }

  it('says what is wrong with a route to announce', async () => {
    const { body } = await post('/v1/announce', { prefix: '10.5.0.0/16', nexthop: '10.0.0.1' });
    expect(body).to.deep.equal({ code: 'bad_config', error: "nexthop: unknown key; did you mean 'nextHop'?" });
  });

  it('hides the inside when something fails', async () => {
    speaker.summary = () => {
      throw new Error('secret');
    };
    expect(await get('/v1/summary')).to.deep.equal({
      status: 500,
      body: { error: 'internal error', code: 'internal' },
    });
  });

  describe('has no password, so that', () => {
    const refused: [string, Record<string, string>, number, string][] = [
      ['a rebound name', { host: 'evil.example:8179' }, 403, 'foreign_host'],
      ['a name that begins like ours', { host: 'localhost.evil.example' }, 403, 'foreign_host'],
      ["another site's page", { origin: 'http://evil.example' }, 403, 'foreign_origin'],
      ['a page from another port', { origin: 'http://127.0.0.1:3000' }, 403, 'foreign_origin'],
      ['a sandboxed page', { origin: 'null' }, 403, 'foreign_origin'],
      ['a cross-site request', { 'sec-fetch-site': 'cross-site' }, 403, 'foreign_origin'],
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'not_json'],
      ['a body that needs no preflight', { 'content-type': 'text/plain; application/json' }, 415, 'not_json'],
    ];
    for (const [name, headers, status, code] of refused) {
      it(`${name} is refused`, async () => {
        const { status: got, body } = await post('/v1/withdraw', { prefix: '10.5.0.0/16' }, headers);
        expect([got, (body as { code: string }).code]).to.deep.equal([status, code]);
        expect(speaker.calls).to.deep.equal([]);
      });
    }

    for (const host of ['localhost:8179', '[::1]:8179', '10.0.0.1', '127.0.0.1:1']) {
      it(`${host} is served`, async () =>
        expect((await get('/v1/summary', { host, origin: `http://${host}` })).status).to.equal(200));
    }

    it('a huge body is refused', async () => {
      expect((await post('/v1/withdraw', { prefix: 'x'.repeat(70000) })).status).to.equal(413);
    });
  });
});

describe('HTTP API: a large table', () => {
  const COUNT = 20_000;

  function bigSpeaker(): { speaker: FakeSpeaker; made: () => number } {
    const speaker = new FakeSpeaker();
    let made = 0;
    speaker.routes = function* (family) {
      for (; family === 'ipv4-unicast' && made < COUNT; made++) yield pathView(`10.${made >> 8}.${made & 255}.0/24`);
    };
    return { speaker, made: () => made };
  }

  it('is made in slices, each in a turn of its own, only as fast as it is read', async () => {
    const { speaker, made } = bigSpeaker();
    const turns: (() => void)[] = [];
    const api = createApi(speaker, {
      clock: { soon: (run) => void turns.push(run), after: () => ({ cancel: () => undefined }) },
    });
    const response = await api.request('/v1/routes', { headers: HOST });
    const reader = response.body!.getReader();
    const atTurns = [made()];
    for (let i = 0; i < 5; i++) {
      expect((await reader.read()).done).to.equal(false);
      // Nothing goes on until the event loop had its turn.
      for (let settle = 0; settle < 20; settle++) await Promise.resolve();
      atTurns.push(made());
      turns.shift()?.();
    }
    const steps = atTurns.slice(1).map((count, i) => count - atTurns[i]!);
    expect(Math.max(...steps)).to.be.within(1, 600);
    expect(made()).to.be.below(3000);
    await reader.cancel();
  });

  it('arrives whole', async () => {
    const { speaker } = bigSpeaker();
    const response = await createApi(speaker).request('/v1/routes', { headers: HOST });
    expect((await response.json()) as unknown[]).to.have.length(COUNT);
  });

  it('is one empty list when nothing matches', async () => {
    const response = await createApi(new FakeSpeaker()).request('/v1/routes?prefix=192.0.2.0/24', { headers: HOST });
    expect(await response.text()).to.equal('[]\n');
  });
});
