import { expect } from 'chai';
import { KernelError } from '../../lib/fib/errors.js';
import { MemoryFibWriter } from '../../lib/fib/memory-writer.js';
import { rangeStart } from '../../lib/fib/nexthop-ids.js';
import { nexthopKey, type NexthopChange } from '../../lib/fib/nexthop.js';
import { newUse, NexthopObjects, type Ways } from '../../lib/fib/nexthop-objects.js';
import { Rig } from './rig.js';

const prefix = (i: number): string => `10.${64 + (i >> 8)}.${i & 255}.0/24`;

describe('Fib with nexthop objects', () => {
  let rig: Rig;
  const make = async (settings = {}): Promise<void> => {
    rig = new Rig({ nexthopObjects: true, ...settings });
    rig.kernel.addLink('eth1', '10.0.1.1/24');
    await rig.start();
  };
  /** `via 10.0.0.2 dev eth0` of each object of a protocol, groups with their members in words, sorted. */
  const objects = (protocol = 186): string[] => {
    const all = rig.kernel.nexthops.all();
    const text = new Map(all.map((each) => [each.id, nexthopKey(each)]));
    return all
      .filter((each) => each.protocol === protocol)
      .map(
        (each) =>
          each.group
            ?.map(({ id, weight }) => `${text.get(id)} *${weight}`)
            .sort()
            .join(' + ') ?? text.get(each.id)!,
      )
      .sort();
  };
  const ways = (): string[] => [
    ...new Set(
      rig.kernel.routes(186).map(({ body }) =>
        rig.kernel.nexthops
          .expanded(body)
          .hops.map(({ gateway, device }) => `${gateway} ${device}`)
          .join(' + '),
      ),
    ),
  ];
  const idOf = (text: string): number => rig.kernel.nexthops.all().find((each) => nexthopKey(each) === text)!.id;
  /** Changes of routes and of objects that the work makes. */
  const cost = async (work: () => void): Promise<{ routes: number; nexthops: number }> => {
    const before = { ...rig.kernel.counts };
    work();
    await rig.run(3000);
    await rig.settle();
    const after = rig.kernel.counts;
    return { routes: after.changes - before.changes, nexthops: after.nexthops - before.nexthops };
  };
  const many = async (nextHop = '10.50.9.9'): Promise<void> => {
    for (let i = 0; i < 1000; i++) rig.fib.set(prefix(i), { nextHop });
    await rig.settle();
  };
  const overStatic = async (): Promise<void> => {
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    await rig.run(3000);
    await many();
  };

  it('has one object for many routes, and one change moves all of them', async () => {
    await make();
    await overStatic();
    expect(objects()).to.deep.equal(['via 10.0.0.5 dev eth0']);
    const id = idOf('via 10.0.0.5 dev eth0');
    expect(new Set(rig.dump().map((line) => line.split(' ').slice(1).join(' ')))).to.deep.equal(
      new Set([`nhid ${id}`]),
    );
    expect(rig.fib.route(prefix(7))).to.include({ state: 'installed', target: `via 10.0.0.5 dev eth0 (nhid ${id})` });
    const moved = await cost(() => rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.1.5', device: 'eth1' }));
    expect(moved).to.deep.equal({ routes: 0, nexthops: 1 });
    expect(ways()).to.deep.equal(['10.0.1.5 eth1']);
  });

  it('shares a way among groups, which follow it, and have one for each set of weights', async () => {
    await make();
    await overStatic();
    for (let i = 0; i < 500; i++) {
      rig.fib.set(`10.9.${i >> 8}.${i & 255}/32`, {
        nextHops: [{ nextHop: '10.50.9.9' }, { nextHop: '10.0.0.2', weight: 3 }],
      });
      rig.fib.set(`10.8.${i >> 8}.${i & 255}/32`, {
        nextHops: [{ nextHop: '10.50.9.9' }, { nextHop: '10.0.0.2' }],
        mtu: 1400,
      });
    }
    await rig.settle();
    expect(objects()).to.have.members([
      'via 10.0.0.5 dev eth0',
      'via 10.0.0.2 dev eth0',
      'via 10.0.0.2 dev eth0 *3 + via 10.0.0.5 dev eth0 *1',
      'via 10.0.0.2 dev eth0 *1 + via 10.0.0.5 dev eth0 *1',
    ]);
    const moved = await cost(() => rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.1.5', device: 'eth1' }));
    expect(moved).to.deep.equal({ routes: 0, nexthops: 1 });
    expect(ways().every((text) => !text.includes('10.0.0.5'))).to.equal(true);
  });

  it('takes a way that fails out of a group, without touching the routes, and puts it back', async () => {
    await make();
    for (let i = 0; i < 500; i++)
      rig.fib.set(prefix(i), { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] });
    await rig.settle();
    expect(objects()).to.have.length(3);
    const lost = await cost(() => rig.kernel.setLink('eth1', false));
    expect(lost.routes).to.equal(0);
    expect(objects()).to.deep.equal(['via 10.0.0.2 dev eth0', 'via 10.0.0.2 dev eth0 *1']);
    const back = await cost(() => rig.kernel.setLink('eth1', true));
    expect(back).to.deep.equal({ routes: 0, nexthops: 2 });
    expect(objects()).to.have.length(3);
    expect(rig.kernel.routes(186)).to.have.length(500);
    expect(rig.of('foreignNexthopChange')).to.deep.equal([]);
  });

  it('makes a group of a next hop that is reached over several ways', async () => {
    await make();
    const both = (...vias: [string, string][]): void =>
      rig.kernel.putRoute({
        ...{ prefix: '10.50.0.0/16', table: 254, protocol: 4, metric: 0, tos: 0 },
        body: {
          ...rig.kernel.routes()[0]!.body,
          type: 'unicast',
          hops: vias.map(([gateway, device]) => ({ gateway, device })),
          key: `${vias.length}`,
          stateKey: `${vias.join()}`,
        },
      });
    both(['10.0.0.5', 'eth0'], ['10.0.1.5', 'eth1']);
    await rig.run(3000);
    await many();
    expect(ways()).to.deep.equal(['10.0.0.5 eth0 + 10.0.1.5 eth1']);
    // It stays a group, so that the routes need not be written.
    const fewer = await cost(() => both(['10.0.1.5', 'eth1']));
    expect(fewer.routes).to.equal(0);
    expect(ways()).to.deep.equal(['10.0.1.5 eth1']);
  });

  it('removes objects when no route uses them, and after the routes', async () => {
    await make();
    await many('10.0.0.2');
    rig.fib.set('10.6.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] });
    await rig.settle();
    for (let i = 0; i < 1000; i++) rig.fib.delete(prefix(i));
    await rig.settle();
    expect(objects()).to.have.length(3);
    rig.fib.delete('10.6.0.0/16');
    await rig.settle();
    expect(objects()).to.deep.equal([]);
    expect(rig.events.filter(({ type }) => type !== 'reconciled')).to.deep.equal([]);
  });

  it('removes them at stop too, where routes are removed', async () => {
    await make({ atStop: 'remove' });
    await many('10.0.0.2');
    const stopped = rig.fib.stop();
    await rig.run(1000);
    await stopped;
    expect(rig.kernel.routes(186)).to.deep.equal([]);
    expect(objects()).to.deep.equal([]);
  });

  it('finds its objects and routes again after SIGKILL, and writes nothing', async () => {
    await make();
    await overStatic();
    rig.fib.set('10.6.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] });
    await rig.settle();
    await rig.restart();
    const again = await cost(() => {
      // In another order.
      rig.fib.set('10.6.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] });
      for (let i = 999; i >= 0; i--) rig.fib.set(prefix(i), { nextHop: '10.50.9.9' });
      rig.fib.ready();
    });
    expect(again).to.deep.equal({ routes: 0, nexthops: 0 });
  });

  it('finds them under another number too, where their own one was taken for a while', async () => {
    const target = { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] };
    const groups = (): number[] => rig.kernel.nexthops.all().flatMap(({ id, group }) => (group ? [id] : []));
    const other = { protocol: 4, hop: { gateway: '10.0.0.77', device: 'eth0' } };
    await make();
    rig.fib.set('10.6.0.0/16', target);
    await rig.settle();
    const [usual] = groups();
    rig.fib.delete('10.6.0.0/16');
    await rig.settle();
    expect(rig.kernel.nexthops.apply({ op: 'add', id: usual!, ...other })).to.equal(null);
    await rig.run(3000);
    rig.fib.set('10.6.0.0/16', target);
    await rig.settle();
    expect(groups()).to.have.length(1).and.not.include(usual);
    rig.kernel.nexthops.apply({ op: 'delete', id: usual!, ...other });
    await rig.restart();
    const again = await cost(() => {
      rig.fib.set('10.6.0.0/16', target);
      rig.fib.ready();
    });
    expect(again).to.deep.equal({ routes: 0, nexthops: 0 });
  });

  it('keeps its number when it is wanted again over another way while it is removed', () => {
    const objects = new NexthopObjects(186, 254, 32);
    const over = (gateway: string): Ways[] => [
      { nextHop: '10.50.9.9', weight: 1, hops: [{ gateway, device: 'eth0' }] },
    ];
    const write = (): NexthopChange[] => {
      const changes = objects.changes();
      for (const change of changes) objects.acknowledged(change);
      return changes;
    };
    const use = newUse();
    const id = objects.forTarget(use, over('10.0.0.5'));
    write();
    objects.release(use);
    const removal = objects.changes();
    expect(removal.map(({ op }) => op)).to.deep.equal(['delete']);
    expect(objects.forTarget(use, over('10.0.0.6'))).to.equal(id);
    objects.acknowledged(removal[0]!);
    expect(write().map(({ op, hop }) => [op, hop?.gateway])).to.deep.equal([['add', '10.0.0.6']]);
  });

  it('does not alter what an earlier run left, as long as routes of it refer to it', async () => {
    await make();
    await overStatic();
    await rig.restart();
    const first = idOf('via 10.0.0.5 dev eth0');
    // What the next hop leads over now is another gateway than the one that stale routes still use.
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.1.5', device: 'eth1' });
    await rig.run(3000);
    rig.fib.set(prefix(0), { nextHop: '10.50.9.9' });
    await rig.settle();
    expect(objects()).to.deep.equal(['via 10.0.0.5 dev eth0', 'via 10.0.1.5 dev eth1']);
    expect(rig.kernel.routes(186).filter(({ body }) => body.nexthop === first)).to.have.length(999);
    rig.fib.ready();
    await rig.settle();
    expect(rig.kernel.routes(186)).to.have.length(1);
    expect(objects()).to.deep.equal(['via 10.0.1.5 dev eth1']);
  });

  it('leaves the objects of others alone, also one with a number of ours', async () => {
    await make();
    const put = (id: number, protocol: number): unknown =>
      expect(
        rig.kernel.nexthops.apply({ op: 'add', id, protocol, hop: { gateway: '10.0.0.77', device: 'eth0' } }),
      ).to.equal(null);
    await many('10.0.0.2');
    const ours = idOf('via 10.0.0.2 dev eth0');
    for (let i = 0; i < 1000; i++) rig.fib.delete(prefix(i));
    await rig.settle();
    put(ours, 4);
    put(7, 186); // our protocol, but no number of ours
    await rig.run(3000);
    await many('10.0.0.2');
    expect(objects(4)).to.deep.equal(['via 10.0.0.77 dev eth0']);
    expect(ways()).to.deep.equal(['10.0.0.2 eth0']);
    for (let i = 0; i < 1000; i++) rig.fib.delete(prefix(i));
    await rig.settle();
    expect(rig.kernel.nexthops.all().map(({ id }) => id)).to.have.members([ours, 7]);
  });

  it('takes another number when somebody takes one unseen', async () => {
    await make();
    rig.kernel.muted = true;
    const id = rangeStart(254, 32);
    await many('10.0.0.2');
    const ours = idOf('via 10.0.0.2 dev eth0');
    for (let i = 0; i < 1000; i++) rig.fib.delete(prefix(i));
    await rig.settle();
    rig.kernel.nexthops.apply({ op: 'add', id: ours, protocol: 4, hop: { gateway: '10.0.0.77', device: 'eth0' } });
    await many('10.0.0.2');
    await rig.run(1000);
    await rig.settle();
    expect(ours).to.be.within(id, id + 2 ** 18 - 1);
    expect(ways()).to.deep.equal(['10.0.0.2 eth0']);
    expect(objects(4)).to.have.length(1);
  });

  it('puts right an object that another program deletes, in one event', async () => {
    await make();
    await many('10.0.0.2');
    const id = idOf('via 10.0.0.2 dev eth0');
    rig.events.length = 0;
    expect(rig.kernel.nexthops.apply({ op: 'delete', id, protocol: 186 })).to.equal(null);
    expect(rig.kernel.routes(186)).to.deep.equal([]);
    await rig.run(3000);
    await rig.settle();
    expect(rig.kernel.routes(186)).to.have.length(1000);
    expect(rig.of('foreignNexthopChange')).to.deep.equal([
      { type: 'foreignNexthopChange', id, nexthop: 'via 10.0.0.2 dev eth0', change: 'deleted', retryInMs: 0 },
    ]);
    expect(rig.of('foreignChange')).to.deep.equal([]);
  });

  it('has routes do without an object that another program alters again and again, for a while', async () => {
    await make();
    await many('10.0.0.2');
    const id = idOf('via 10.0.0.2 dev eth0');
    for (let i = 0; i < 4; i++) {
      rig.kernel.nexthops.apply({ op: 'replace', id, protocol: 186, hop: { gateway: '10.0.0.66', device: 'eth0' } });
      await rig.run(200);
      await rig.settle();
    }
    expect(rig.of('foreignNexthopChange').map(({ change, retryInMs }) => `${change} ${retryInMs}`)).to.deep.equal([
      ...['altered 0', 'altered 0', 'altered 0', 'altered 1000'],
    ]);
    expect(rig.dump()[0]).to.equal(`${prefix(0)} via 10.0.0.2 dev eth0`);
    await rig.run(3000);
    await rig.settle();
    expect(rig.dump()[0]).to.equal(`${prefix(0)} nhid ${id}`);
    expect(ways()).to.deep.equal(['10.0.0.2 eth0']);
  });

  it('puts all back when a device comes back', async () => {
    await make();
    await many('10.0.1.2');
    rig.kernel.setLink('eth1', false);
    await rig.run(3000);
    await rig.settle();
    expect(objects()).to.deep.equal([]);
    rig.kernel.setLink('eth1', true);
    await rig.run(3000);
    await rig.settle();
    expect(objects()).to.deep.equal(['via 10.0.1.2 dev eth1']);
    expect(rig.kernel.routes(186)).to.have.length(1000);
    expect(rig.events.filter(({ type }) => type.includes('oreign') || type.includes('ailed'))).to.deep.equal([]);
  });

  it('does without where the kernel has none, and says so once', async () => {
    rig = new Rig({ nexthopObjects: true });
    rig.kernel.nexthops.refusal = new KernelError('EOPNOTSUPP', 'Operation not supported');
    await rig.start();
    await many('10.0.0.2');
    expect(rig.dump()[0]).to.equal(`${prefix(0)} via 10.0.0.2 dev eth0`);
    rig.fib.reconcile();
    await rig.run(1000);
    expect(rig.of('nexthopObjectsUnavailable').map(({ error }) => error.message)).to.deep.equal([
      'Operation not supported',
    ]);
  });

  it('has routes do without an object that is refused, and with it later', async () => {
    await make();
    rig.kernel.nexthops.failing = new KernelError('ENOMEM', 'Cannot allocate memory');
    await many('10.0.0.2');
    await rig.run(200);
    await rig.settle();
    expect(rig.dump()[0]).to.equal(`${prefix(0)} via 10.0.0.2 dev eth0`);
    expect(rig.of('nexthopFailed').map(({ nexthop, error }) => `${nexthop}: ${error.message}`)).to.deep.equal([
      'via 10.0.0.2 dev eth0: Cannot allocate memory',
    ]);
    rig.kernel.nexthops.failing = null;
    await rig.run(5000);
    await rig.settle();
    expect(rig.of('nexthopRecovered')).to.have.length(1);
    expect(rig.dump()[0]).to.match(/nhid/);
    expect(ways()).to.deep.equal(['10.0.0.2 eth0']);
  });

  it('goes on after the writer failed in the middle of its objects', async () => {
    await make();
    rig.kernel.failNextWrite({ code: 'EEXIT', after: 1 });
    await many('10.0.0.2');
    rig.fib.set('10.6.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2' }] });
    await rig.run(3000);
    await rig.settle();
    expect(rig.kernel.routes(186)).to.have.length(1001);
    expect(objects()).to.have.length(3);
    expect(rig.of('foreignNexthopChange')).to.deep.equal([]);
  });

  it('writes plain routes anew when the option is left out, and the other way round', async () => {
    await make();
    await many('10.0.0.2');
    rig = Object.assign(rig, { settings: {} });
    await rig.restart();
    await many('10.0.0.2');
    expect(rig.dump()[0]).to.equal(`${prefix(0)} via 10.0.0.2 dev eth0`);
    Object.assign(rig, { settings: { nexthopObjects: true } });
    await rig.restart();
    await many('10.0.0.2');
    expect(rig.dump()[0]).to.match(/nhid/);
    expect(objects()).to.deep.equal(['via 10.0.0.2 dev eth0']);
  });

  it('is refused with a writer that knows none', () => {
    expect(() => new Rig({ nexthopObjects: true, writer: new MemoryFibWriter() })).to.throw(/knows no nexthop objects/);
  });
});
