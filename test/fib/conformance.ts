import { expect } from 'chai';
import { BLACKHOLE, routeBody, type RouteBody } from '../../lib/fib/body.js';
import { nexthopKey, type NexthopChange } from '../../lib/fib/nexthop.js';
import type { FibWriter, KernelRoute, RouteChange, WriteFailure } from '../../lib/fib/writer.js';

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

/**
 * What every {@link FibWriter} must do, as mocha tests. Run it against your own:
 * `fibWriterConformance('mine', async () => ({ writer: new MyWriter() }))`.
 * @param make called before each test, with nothing of ours in the tables
 */
export function fibWriterConformance(name: string, make: () => Promise<ConformanceSubject>): void {
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
      expect(await ours()).to.deep.equal([]);
    });

    it('tells of the links with the routes, if at all', async () => {
      const { links } = await writer.read([254], () => undefined);
      if (links === undefined || subject.device === undefined) return;
      expect(new Map(links).get(subject.device)).to.equal(true);
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
      expect(await writer.write(wanted.map(([prefix, body]) => add(prefix, body)))).to.deep.equal([]);
      expect(await ours()).to.deep.equal(wanted.map(([prefix, body]) => line(prefix, body)).sort());
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
        expect(await writer.write([add(prefix, routeBody({ type: 'unicast', hops }))])).to.deep.equal([]);
      }
      const bodies = (await read()).filter(({ protocol }) => protocol === 186).map(({ body }) => body);
      for (const { hops } of bodies) expect(hops.map(({ weight }) => weight)).to.deep.equal([1, 4]);
      expect(bodies).to.have.length(2);
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
      expect(await writer.write(wanted.map(([prefix, body]) => add(prefix, body)))).to.deep.equal([]);
      expect(await ours()).to.deep.equal(wanted.map(([prefix, body]) => line(prefix, body)).sort());
    });

    it('replaces a route, also by a blackhole, also where there is none', async () => {
      await writer.write([add('10.1.0.0/16', via('10.0.0.2')), add('2001:db8:1::/48', via('2001:db8::2'))]);
      const changes = [
        change('replace', '10.1.0.0/16', via('10.0.0.3')),
        change('replace', '2001:db8:1::/48', BLACKHOLE),
        change('replace', '10.2.0.0/16', via('10.0.0.2')),
      ];
      expect(await writer.write(changes)).to.deep.equal([]);
      expect(await ours()).to.deep.equal([
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
      expect(failures.map(({ index, code }) => `${index} ${code}`)).to.deep.equal(['1 EEXIST', '2 ESRCH', '3 ESRCH']);
      for (const { message } of failures) expect(message).to.match(/\w/);
      expect(await ours()).to.deep.equal([
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
      expect(failures).to.deep.equal([]);
      expect(await ours()).to.deep.equal([]);
    });

    it('keeps the order of batches that are not waited for', async () => {
      const answers = [
        writer.write([add('10.1.0.0/16', via('10.0.0.2'))]),
        writer.write([change('replace', '10.1.0.0/16', via('10.0.0.3'))]),
        writer.write([change('delete', '10.1.0.0/16', BLACKHOLE)]),
        writer.write([add('10.1.0.0/16', via('10.0.0.4'))]),
      ];
      expect(await Promise.all(answers)).to.deep.equal([[], [], [], []]);
      expect(await ours()).to.deep.equal([line('10.1.0.0/16', via('10.0.0.4'))]);
    });

    it('takes an empty batch and a large one', async () => {
      expect(await writer.write([])).to.deep.equal([]);
      const prefixes = Array.from({ length: 2000 }, (_, i) => `10.${64 + (i >> 8)}.${i & 255}.0/24`);
      expect(await writer.write(prefixes.map((prefix) => add(prefix, via('10.0.0.2'))))).to.deep.equal([]);
      expect(await ours()).to.have.length(2000);
      expect(await writer.write(prefixes.map((prefix) => change('delete', prefix, BLACKHOLE)))).to.deep.equal([]);
      expect(await ours()).to.deep.equal([]);
    });

    it('works on after a reset', async () => {
      await writer.write([add('10.1.0.0/16', via('10.0.0.2'))]);
      const unanswered = writer.write([add('10.2.0.0/16', via('10.0.0.2'))]).catch(() => []);
      writer.reset('test');
      await unanswered;
      await writer.write([change('replace', '10.2.0.0/16', via('10.0.0.2'))]);
      expect(await ours()).to.have.length(2);
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

      beforeEach(function () {
        if (!writer.nexthops) this.skip();
      });

      it('are added, replaced, put together, and read back', async () => {
        const dev = `dev ${subject.device}`;
        const changes = [
          ...[object('add', 71, '10.0.0.2'), object('add', 72, 'fe80::2'), object('add', 73, '2001:db8::2')],
          ...[group('add', 74, [71, 1], [72, 256]), group('add', 75, [73, 1])],
          ...[object('replace', 71, '10.0.0.3'), group('replace', 75, [73, 2], [72, 3])],
        ];
        expect(await write(...changes)).to.deep.equal([]);
        expect(await held()).to.deep.equal([
          `71 via 10.0.0.3 ${dev}`,
          `72 via fe80::2 ${dev}`,
          `73 via 2001:db8::2 ${dev}`,
          '74 group 71/72,256',
          '75 group 72,3/73,2',
        ]);
        expect(await write(...[74, 75, 71, 72, 73].map((id) => object('delete', id, '10.0.0.2')))).to.deep.equal([]);
        expect(await held()).to.deep.equal([]);
      });

      it('names what was refused, and makes the rest', async () => {
        await write(object('add', 71, '10.0.0.2'));
        const failures = await write(
          ...[object('add', 71, '10.0.0.3'), object('delete', 79, '10.0.0.2'), object('add', 72, '198.51.100.9')],
          ...[group('add', 73, [79, 1]), object('add', 74, '10.0.0.4')],
        );
        expect(failures.map(({ index, code }) => `${index} ${code}`)).to.deep.equal([
          ...['0 EEXIST', '1 ENOENT', failures[2]?.code === 'EGATEWAY' ? '2 EGATEWAY' : '2 ENETUNREACH', '3 EINVAL'],
        ]);
        expect((await held()).map((line) => line.slice(0, 2))).to.deep.equal(['71', '74']);
        expect(
          await write({
            ...object('add', 72, '198.51.100.9'),
            hop: { gateway: '198.51.100.9', device: subject.device!, onlink: true },
          }),
        ).to.deep.equal([]);
      });

      it('are what routes refer to, which follow them', async () => {
        await write(
          object('add', 71, '10.0.0.2'),
          object('add', 73, '2001:db8::2'),
          group('add', 74, [71, 2], [73, 1]),
        );
        const routes = [add('10.1.0.0/16', over(71)), add('10.2.0.0/16', over(74)), add('2001:db8:1::/48', over(73))];
        expect(await writer.write([...routes, add('10.3.0.0/16', via('10.0.0.9'))])).to.deep.equal([]);
        expect(await writer.write([change('replace', '10.3.0.0/16', over(71))])).to.deep.equal([]);
        expect((await writer.write([add('10.9.0.0/16', over(79))])).map(({ index }) => index)).to.deep.equal([0]);
        await write(object('replace', 71, '10.0.0.3'));
        const seen = async (): Promise<string[]> =>
          (await read())
            .filter(({ protocol }) => protocol === 186)
            .map(({ prefix, body }) => `${prefix} ${body.key} ${body.hops.map((hop) => hop.gateway).join(' ')}`)
            .sort();
        expect(await seen()).to.deep.equal([
          '10.1.0.0/16 nhid 71 10.0.0.3',
          '10.2.0.0/16 nhid 74 10.0.0.3 2001:db8::2',
          '10.3.0.0/16 nhid 71 10.0.0.3',
          '2001:db8:1::/48 nhid 73 2001:db8::2',
        ]);
        expect(await writer.write([change('replace', '10.3.0.0/16', via('10.0.0.9'))])).to.deep.equal([]);
        // Its routes go with it.
        await write(object('delete', 71, '10.0.0.3'));
        expect((await seen()).map((line) => line.split(' ')[0])).to.deep.equal([
          '10.2.0.0/16',
          '10.3.0.0/16',
          '2001:db8:1::/48',
        ]);
      });
    });

    it('leaves the routes of others alone', async function () {
      if (!subject.foreign) this.skip();
      await subject.foreign.add('10.1.0.0/16', 32);
      await subject.foreign.add('2001:db8:1::/48', 32);
      const failures = await writer.write([
        change('delete', '10.1.0.0/16', BLACKHOLE),
        change('delete', '2001:db8:1::/48', BLACKHOLE),
        add('10.1.0.0/16', via('10.0.0.2')),
        add('2001:db8:1::/48', via('2001:db8::2')),
      ]);
      expect(failures.map(({ code }) => code)).to.deep.equal(['ESRCH', 'ESRCH', 'EEXIST', 'EEXIST']);
      expect(
        (await read()).filter(({ prefix }) => prefix === '10.1.0.0/16').map(({ protocol }) => protocol),
      ).to.deep.equal([4]);
    });

    it('tells a watcher when something changes', async function () {
      if (!writer.watch || !subject.foreign) this.skip();
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
        await subject.foreign.add('10.1.0.0/16', 0);
        await subject.foreign.remove('10.1.0.0/16');
      }
      await until(() => told.length > 0);
      await subject.foreign.add('10.2.0.0/16', 0);
      await until(() => told.includes('+10.2.0.0/16'));
      await subject.foreign.remove('10.2.0.0/16');
      await until(() => told.includes('-10.2.0.0/16'));
      watch.close();
    });
  });
}
