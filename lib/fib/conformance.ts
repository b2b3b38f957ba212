import assert from 'node:assert/strict';
import { BLACKHOLE, routeBody, type RouteBody } from './body.js';
import { nexthopKey, type NexthopChange } from './nexthop.js';
import type { FibWriter, KernelRoute, RouteChange, WriteFailure } from './writer.js';

/** What of a test runner is needed: mocha's globals, those of jest and vitest, or the module `node:test`. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
  beforeEach(body: () => Promise<void>): unknown;
  afterEach(body: () => Promise<void>): unknown;
}

/** A writer and what it stands on, for {@link fibWriterConformance}. */
export interface ConformanceSubject {
  readonly writer: FibWriter;
  /** A device that is up, with 10.0.0.1/24 and 2001:db8::1/64. Left out: for writers that do not check next hops. */
  readonly device?: string;
  /** What another program would do; left out when no other program can write there. */
  readonly foreign?: {
    add(prefix: string, metric: number): Promise<void>;
    remove(prefix: string): Promise<void>;
  };
  readonly cleanUp?: () => Promise<void>;
}

const OURS = { table: 254, protocol: 186, metric: 32 } as const;

/** Thrown by a test of something that a writer need not have, and does not have. */
class NotApplicable extends Error {}

function needs(what: unknown): asserts what {
  if (what === undefined || what === false) throw new NotApplicable();
}

/** Has a test that does not apply told as skipped, in the way of the runner: `this.skip()`, or `skip()` of what it hands over. */
function skippable(body: () => Promise<void>): () => Promise<void> {
  return async function (this: unknown, ...handed: unknown[]) {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
      const able = [this, handed[0]].find((each) => typeof (each as Skipper | undefined)?.skip === 'function');
      (able as Skipper | undefined)?.skip();
    }
  };
}

interface Skipper {
  skip(): void;
}

/**
 * What every {@link FibWriter} must do, as tests. Run it against your own:
 * `fibWriterConformance('mine', async () => ({ writer: new MyWriter() }))`. What a writer does not have, such as `watch`, is skipped.
 * @param make called before each test, with nothing of ours in the tables
 * @param runner default: the globals that mocha and others define
 */
export function fibWriterConformance(
  name: string,
  make: () => Promise<ConformanceSubject>,
  runner: TestRunner = globalThis as unknown as TestRunner,
): void {
  const { describe, beforeEach, afterEach } = runner;
  const it = (title: string, body: () => Promise<void>): unknown => runner.it(title, skippable(body));
  describe(`FibWriter conformance: ${name}`, () => {
    let subject: ConformanceSubject;
    let writer: FibWriter;

    beforeEach(async () => {
      subject = await make();
      writer = subject.writer;
    });
    afterEach(async () => {
      await writer.close();
      await subject.cleanUp?.();
    });

    const via = (gateway: string): RouteBody =>
      routeBody({
        type: 'unicast',
        hops: [{ gateway, ...(subject.device === undefined ? {} : { device: subject.device }) }],
      });
    const change = (op: RouteChange['op'], prefix: string, body: RouteBody): RouteChange => ({
      op,
      prefix,
      body,
      ...OURS,
    });
    const add = (prefix: string, body: RouteBody): RouteChange => change('add', prefix, body);
    const read = async (): Promise<KernelRoute[]> => {
      const routes: KernelRoute[] = [];
      // A reading may have to be repeated when somebody else is busy in the tables.
      for (let i = 0; i < 10; i++) {
        routes.length = 0;
        if ((await writer.read([254], (route) => routes.push(route))).consistent) break;
      }
      return routes;
    };
    const ours = async (): Promise<string[]> =>
      (await read())
        .filter(({ protocol, metric, table }) => protocol === 186 && metric === 32 && table === 254)
        .map(({ prefix, body }) => `${prefix} ${body.key}`)
        .sort();
    const line = (prefix: string, body: RouteBody): string => `${prefix} ${body.key}`;

    it('reads nothing of ours at first', async () => {
      assert.deepEqual(await ours(), []);
    });

    it('tells of the links with the routes, if at all', async () => {
      const { links } = await writer.read([254], () => undefined);
      needs(links && subject.device !== undefined);
      assert.equal(new Map(links).get(subject.device), true);
    });

    it('adds routes of both families and reads the same back', async () => {
      const wanted: [string, RouteBody][] = [
        ['10.1.0.0/16', via('10.0.0.2')],
        ['10.2.3.4/32', via('10.0.0.3')],
        ['10.3.0.0/16', BLACKHOLE],
        ['2001:db8:1::/48', via('2001:db8::2')],
        ['2001:db8:2::1/128', via('fe80::2')],
        ['2001:db8:3::/48', BLACKHOLE],
        ['10.4.0.0/16', via('fe80::2')],
        ['0.0.0.0/0', via('10.0.0.2')],
        ['::/0', via('2001:db8::2')],
      ];
      assert.deepEqual(await writer.write(wanted.map(([prefix, body]) => add(prefix, body))), []);
      assert.deepEqual(await ours(), wanted.map(([prefix, body]) => line(prefix, body)).sort());
    });

    it('writes several next hops with weights', async () => {
      const device = subject.device === undefined ? {} : { device: subject.device };
      for (const [prefix, a, b] of [
        ['10.1.0.0/16', '10.0.0.2', '10.0.0.3'],
        ['2001:db8:1::/48', '2001:db8::2', '2001:db8::3'],
      ] as const) {
        const hops = [
          { gateway: a, weight: 1, ...device },
          { gateway: b, weight: 4, ...device },
        ];
        assert.deepEqual(await writer.write([add(prefix, routeBody({ type: 'unicast', hops }))]), []);
      }
      const bodies = (await read()).filter(({ protocol }) => protocol === 186).map(({ body }) => body);
      for (const { hops } of bodies)
        assert.deepEqual(
          hops.map(({ weight }) => weight),
          [1, 4],
        );
      assert.equal(bodies.length, 2);
    });

    it('writes the other types, a source address and an MTU', async () => {
      const device = subject.device === undefined ? {} : { device: subject.device };
      const four = routeBody({
        type: 'unicast',
        hops: [{ gateway: '10.0.0.2', ...device }],
        source: '10.0.0.1',
        mtu: 1400,
      });
      const six = routeBody({
        type: 'unicast',
        hops: [{ gateway: '2001:db8::2', ...device }],
        source: '2001:db8::1',
        mtu: 1400,
      });
      const wanted: [string, RouteBody][] = [
        ['10.1.0.0/16', four],
        ['10.2.0.0/16', routeBody({ type: 'unreachable', hops: [] })],
        ['10.3.0.0/16', routeBody({ type: 'prohibit', hops: [] })],
        ['2001:db8:1::/48', six],
        ['2001:db8:2::/48', routeBody({ type: 'unreachable', hops: [] })],
        ['2001:db8:3::/48', routeBody({ type: 'prohibit', hops: [] })],
      ];
      assert.deepEqual(await writer.write(wanted.map(([prefix, body]) => add(prefix, body))), []);
      assert.deepEqual(await ours(), wanted.map(([prefix, body]) => line(prefix, body)).sort());
    });

    it('replaces a route, also by a blackhole, also where there is none', async () => {
      await writer.write([add('10.1.0.0/16', via('10.0.0.2')), add('2001:db8:1::/48', via('2001:db8::2'))]);
      const changes = [
        change('replace', '10.1.0.0/16', via('10.0.0.3')),
        change('replace', '2001:db8:1::/48', BLACKHOLE),
        change('replace', '10.2.0.0/16', via('10.0.0.2')),
      ];
      assert.deepEqual(await writer.write(changes), []);
      assert.deepEqual(await ours(), [
        line('10.1.0.0/16', via('10.0.0.3')),
        line('10.2.0.0/16', via('10.0.0.2')),
        line('2001:db8:1::/48', BLACKHOLE),
      ]);
    });

    it('names refused changes by position and code, and makes the others', async () => {
      await writer.write([add('10.1.0.0/16', via('10.0.0.2'))]);
      const failures = await writer.write([
        add('10.2.0.0/16', via('10.0.0.2')),
        add('10.1.0.0/16', via('10.0.0.3')),
        change('delete', '10.9.0.0/16', BLACKHOLE),
        change('delete', '2001:db8:9::/48', BLACKHOLE),
        add('2001:db8:2::/48', via('2001:db8::2')),
      ]);
      assert.deepEqual(
        failures.map(({ index, code }) => `${index} ${code}`),
        ['1 EEXIST', '2 ESRCH', '3 ESRCH'],
      );
      for (const { message } of failures) assert.match(message, /\w/);
      assert.deepEqual(await ours(), [
        line('10.1.0.0/16', via('10.0.0.2')),
        line('10.2.0.0/16', via('10.0.0.2')),
        line('2001:db8:2::/48', via('2001:db8::2')),
      ]);
    });

    it('deletes a route, whatever it has become', async () => {
      await writer.write([
        add('10.1.0.0/16', via('10.0.0.2')),
        add('10.2.0.0/16', BLACKHOLE),
        add('2001:db8:1::/48', via('2001:db8::2')),
        add('2001:db8:2::/48', BLACKHOLE),
      ]);
      const failures = await writer.write([
        change('delete', '10.1.0.0/16', BLACKHOLE),
        change('delete', '10.2.0.0/16', via('10.0.0.2')),
        change('delete', '2001:db8:1::/48', via('2001:db8::7')),
        change('delete', '2001:db8:2::/48', BLACKHOLE),
      ]);
      assert.deepEqual(failures, []);
      assert.deepEqual(await ours(), []);
    });

    it('keeps the order of batches that are not waited for', async () => {
      const answers = [
        writer.write([add('10.1.0.0/16', via('10.0.0.2'))]),
        writer.write([change('replace', '10.1.0.0/16', via('10.0.0.3'))]),
        writer.write([change('delete', '10.1.0.0/16', BLACKHOLE)]),
        writer.write([add('10.1.0.0/16', via('10.0.0.4'))]),
      ];
      assert.deepEqual(await Promise.all(answers), [[], [], [], []]);
      assert.deepEqual(await ours(), [line('10.1.0.0/16', via('10.0.0.4'))]);
    });

    it('takes an empty batch and a large one', async () => {
      assert.deepEqual(await writer.write([]), []);
      const prefixes = Array.from({ length: 2000 }, (_, i) => `10.${64 + (i >> 8)}.${i & 255}.0/24`);
      assert.deepEqual(await writer.write(prefixes.map((prefix) => add(prefix, via('10.0.0.2')))), []);
      assert.equal((await ours()).length, 2000);
      assert.deepEqual(await writer.write(prefixes.map((prefix) => change('delete', prefix, BLACKHOLE))), []);
      assert.deepEqual(await ours(), []);
    });

    it('works on after a reset', async () => {
      await writer.write([add('10.1.0.0/16', via('10.0.0.2'))]);
      const unanswered = writer.write([add('10.2.0.0/16', via('10.0.0.2'))]).catch(() => []);
      writer.reset('test');
      await unanswered;
      await writer.write([change('replace', '10.2.0.0/16', via('10.0.0.2'))]);
      assert.equal((await ours()).length, 2);
    });

    describe('nexthop objects', () => {
      const object = (op: NexthopChange['op'], id: number, gateway: string): NexthopChange => ({
        ...{ op, id, protocol: 186 },
        hop: { gateway, device: subject.device! },
      });
      const group = (op: NexthopChange['op'], id: number, ...members: [number, number][]): NexthopChange => ({
        ...{ op, id, protocol: 186 },
        group: members.map(([member, weight]) => ({ id: member, weight })),
      });
      const held = async (): Promise<string[]> => {
        const objects: string[] = [];
        await writer.nexthops!.read((each) => {
          if (each.protocol === 186) objects.push(`${each.id} ${nexthopKey(each)}`);
        });
        return objects.sort();
      };
      const write = (...changes: NexthopChange[]): Promise<readonly WriteFailure[]> => writer.nexthops!.write(changes);
      const over = (id: number): RouteBody => routeBody({ type: 'unicast', hops: [], nexthop: id });

      it('are added, replaced, put together, and read back', async () => {
        needs(writer.nexthops);
        const dev = `dev ${subject.device}`;
        const changes = [
          ...[object('add', 71, '10.0.0.2'), object('add', 72, 'fe80::2'), object('add', 73, '2001:db8::2')],
          ...[group('add', 74, [71, 1], [72, 256]), group('add', 75, [73, 1])],
          ...[object('replace', 71, '10.0.0.3'), group('replace', 75, [73, 2], [72, 3])],
        ];
        assert.deepEqual(await write(...changes), []);
        assert.deepEqual(await held(), [
          `71 via 10.0.0.3 ${dev}`,
          `72 via fe80::2 ${dev}`,
          `73 via 2001:db8::2 ${dev}`,
          '74 group 71/72,256',
          '75 group 72,3/73,2',
        ]);
        assert.deepEqual(await write(...[74, 75, 71, 72, 73].map((id) => object('delete', id, '10.0.0.2'))), []);
        assert.deepEqual(await held(), []);
      });

      it('names what was refused, and makes the rest', async () => {
        needs(writer.nexthops);
        await write(object('add', 71, '10.0.0.2'));
        const failures = await write(
          ...[object('add', 71, '10.0.0.3'), object('delete', 79, '10.0.0.2'), object('add', 72, '198.51.100.9')],
          ...[group('add', 73, [79, 1]), object('add', 74, '10.0.0.4')],
        );
        assert.deepEqual(
          failures.map(({ index, code }) => `${index} ${code}`),
          [...['0 EEXIST', '1 ENOENT', failures[2]?.code === 'EGATEWAY' ? '2 EGATEWAY' : '2 ENETUNREACH', '3 EINVAL']],
        );
        assert.deepEqual(
          (await held()).map((line) => line.slice(0, 2)),
          ['71', '74'],
        );
        assert.deepEqual(
          await write({
            ...object('add', 72, '198.51.100.9'),
            hop: { gateway: '198.51.100.9', device: subject.device!, onlink: true },
          }),
          [],
        );
      });

      it('are what routes refer to, which follow them', async () => {
        needs(writer.nexthops);
        await write(
          object('add', 71, '10.0.0.2'),
          object('add', 73, '2001:db8::2'),
          group('add', 74, [71, 2], [73, 1]),
        );
        const routes = [add('10.1.0.0/16', over(71)), add('10.2.0.0/16', over(74)), add('2001:db8:1::/48', over(73))];
        assert.deepEqual(await writer.write([...routes, add('10.3.0.0/16', via('10.0.0.9'))]), []);
        assert.deepEqual(await writer.write([change('replace', '10.3.0.0/16', over(71))]), []);
        assert.deepEqual(
          (await writer.write([add('10.9.0.0/16', over(79))])).map(({ index }) => index),
          [0],
        );
        await write(object('replace', 71, '10.0.0.3'));
        const seen = async (): Promise<string[]> =>
          (await read())
            .filter(({ protocol }) => protocol === 186)
            .map(({ prefix, body }) => `${prefix} ${body.key} ${body.hops.map((hop) => hop.gateway).join(' ')}`)
            .sort();
        assert.deepEqual(await seen(), [
          '10.1.0.0/16 nhid 71 10.0.0.3',
          '10.2.0.0/16 nhid 74 10.0.0.3 2001:db8::2',
          '10.3.0.0/16 nhid 71 10.0.0.3',
          '2001:db8:1::/48 nhid 73 2001:db8::2',
        ]);
        assert.deepEqual(await writer.write([change('replace', '10.3.0.0/16', via('10.0.0.9'))]), []);
        // Its routes go with it.
        await write(object('delete', 71, '10.0.0.3'));
        assert.deepEqual(
          (await seen()).map((line) => line.split(' ')[0]),
          ['10.2.0.0/16', '10.3.0.0/16', '2001:db8:1::/48'],
        );
      });
    });

    it('leaves the routes of others alone', async () => {
      needs(subject.foreign);
      await subject.foreign.add('10.1.0.0/16', 32);
      await subject.foreign.add('2001:db8:1::/48', 32);
      const failures = await writer.write([
        change('delete', '10.1.0.0/16', BLACKHOLE),
        change('delete', '2001:db8:1::/48', BLACKHOLE),
        add('10.1.0.0/16', via('10.0.0.2')),
        add('2001:db8:1::/48', via('2001:db8::2')),
      ]);
      assert.deepEqual(
        failures.map(({ code }) => code),
        ['ESRCH', 'ESRCH', 'EEXIST', 'EEXIST'],
      );
      assert.deepEqual(
        (await read()).filter(({ prefix }) => prefix === '10.1.0.0/16').map(({ protocol }) => protocol),
        [4],
      );
    });

    it('tells a watcher when something changes', async () => {
      const { foreign } = subject;
      needs(writer.watch && foreign);
      const told: string[] = [];
      let wake: (() => void) | undefined;
      const watch = writer.watch({
        onRoute: ({ prefix }, deleted) => {
          told.push(`${deleted ? '-' : '+'}${prefix}`);
          wake?.();
        },
        onLink: (device) => told.push(device),
        onResync: (reason) => {
          told.push(reason);
          wake?.();
        },
        onEnd: (error) => told.push(error.message),
      });
      const until = async (seen: () => boolean): Promise<void> => {
        while (!seen()) await new Promise<void>((resolve) => (wake = resolve));
      };
      // A watch may take a moment to start: change until something is told.
      for (let i = 0; i < 100 && told.length === 0; i++) {
        await foreign.add('10.1.0.0/16', 0);
        await foreign.remove('10.1.0.0/16');
      }
      await until(() => told.length > 0);
      await foreign.add('10.2.0.0/16', 0);
      await until(() => told.includes('+10.2.0.0/16'));
      await foreign.remove('10.2.0.0/16');
      await until(() => told.includes('-10.2.0.0/16'));
      watch.close();
    });
  });
}
