import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { announcement, valueOf, withdrawal } from '../support/wire.js';
import { GroupRig, LOCAL_AS, type RigNeighbor } from './rig.js';

describe('update groups, by example', () => {
  const attributes = (tag: number, localPref = 100): EncodableAttribute[] => [
    { code: 1, value: 'IGP' },
    { code: 2, value: [] },
    { code: 5, value: localPref },
    { code: 8, value: [tag] },
  ];
  const routes = (prefix: string, from: RigNeighbor, localPref = 100): void => {
    from.say(announcement({ prefixes: [prefix], nextHop: from.address, attributes: attributes(7, localPref) }));
  };

  /** Sessions that are up. */
  const threeClients = () => {
    const rig = new GroupRig();
    const [a, b, c] = [rig.add('client'), rig.add('client'), rig.add('client')];
    for (const neighbor of [a, b, c]) neighbor.up();
    return { rig, a, b, c };
  };

  /** One has announced 10.1.0.0/24, and the other has stopped reading then. */
  const slowClient = () => {
    const rig = new GroupRig();
    const [a, slow] = [rig.add('client'), rig.add('client')];
    a.up();
    slow.up();
    routes('10.1.0.0/24', a);
    rig.settle();
    slow.blocked = true;
    return { rig, a, slow };
  };

  it('the best path moves: its old source is told, its new source forgets', () => {
    const { rig, a, b, c } = threeClients();
    routes('10.1.0.0/24', a);
    rig.settle();
    expect([a, b, c].map(({ view }) => view.log.splice(0))).to.deep.equal([[], ['+10.1.0.0/24'], ['+10.1.0.0/24']]);
    routes('10.1.0.0/24', b, 200);
    rig.settle();
    expect([a, b, c].map(({ view }) => view.log.splice(0))).to.deep.equal([
      ['+10.1.0.0/24'],
      ['-10.1.0.0/24'],
      ['+10.1.0.0/24'],
    ]);
  });

  it('a withdrawal reaches a slow member when it reads again, and then the prefix id is free', () => {
    const { rig, a, slow } = slowClient();
    // Something must be sent for the member to be found behind.
    routes('10.1.1.0/24', a);
    rig.settle();
    expect(slow.member.attached).to.equal(false);
    a.say(withdrawal(['10.1.0.0/24', '10.1.1.0/24']));
    rig.settle();
    const { prefixes } = rig.rib.families[0]!;
    expect(prefixes.count).to.equal(2);
    slow.drain();
    rig.settle();
    expect([...slow.view.routes.keys()]).to.deep.equal([]);
    expect(slow.view.needless).to.deep.equal([]);
    expect(slow.member.attached).to.equal(true);
    expect(prefixes.count).to.equal(0);
  });

  it('prefix ids kept for a slow member are freed when it goes away', () => {
    const { rig, a, slow } = slowClient();
    routes('10.1.1.0/24', a);
    rig.settle();
    a.say(withdrawal(['10.1.0.0/24', '10.1.1.0/24']));
    rig.settle();
    slow.down();
    rig.settle();
    expect(rig.rib.families[0]!.prefixes.count).to.equal(0);
  });

  it('a slow member is told the newest state only', () => {
    const rig = new GroupRig();
    const [a, slow] = [rig.add('client'), rig.add('client')];
    a.up();
    slow.up();
    rig.settle();
    slow.blocked = true;
    for (let round = 0; round < 50; round++) {
      routes('10.1.0.0/24', a, 100 + round);
      rig.settle();
    }
    slow.drain();
    rig.settle();
    // The announcement that filled the transport, and the last one.
    expect(slow.view.log).to.deep.equal(['+10.1.0.0/24', '+10.1.0.0/24']);
    expect(valueOf(slow.view.routes.get('10.1.0.0/24')!, 5)).to.equal(149);
  });

  it('refresh tells all again, and only to the one who asked', () => {
    const { rig, a, b, c } = threeClients();
    routes('10.1.0.0/24', a);
    routes('10.1.1.0/24', a);
    rig.settle();
    b.view.log.length = c.view.log.length = 0;
    b.refresh();
    rig.settle();
    expect(b.view.log).to.deep.equal(['+10.1.0.0/24', '+10.1.1.0/24']);
    expect(c.view.log).to.deep.equal([]);
  });

  it('the routes of an ended session go, and its number is used again only afterwards', () => {
    const rig = new GroupRig();
    const [a, b] = [rig.add('client'), rig.add('client')];
    a.up();
    b.up();
    routes('10.1.0.0/24', a);
    rig.settle();
    const old = a.source;
    a.down();
    a.up();
    expect(a.source).not.to.equal(old);
    rig.settle();
    expect([...b.view.routes.keys()]).to.deep.equal([]);
    b.down();
    b.up();
    expect(b.source).to.equal(old);
  });

  it('a route that moves between sources with the same attributes is told anew', () => {
    const { rig, a, b, c } = threeClients();
    const same = announcement({ prefixes: ['10.1.0.0/24'], nextHop: '10.0.0.99', attributes: attributes(7) });
    b.say(same);
    rig.settle();
    for (const { view } of [a, b, c]) view.log.length = 0;
    // The lower router ID.
    a.say(same);
    rig.settle();
    expect([a, b, c].map(({ view }) => view.log)).to.deep.equal([['-10.1.0.0/24'], ['+10.1.0.0/24'], ['+10.1.0.0/24']]);
    expect(valueOf(c.view.routes.get('10.1.0.0/24')!, 9)).to.equal(a.routerId);
  });

  it('a long stream spares each member its own part of it', () => {
    const { rig, a, b, c } = threeClients();
    rig.settle();
    const prefixes = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `${10 + from}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32`);
    const say = (from: RigNeighbor, list: string[]): void => {
      for (let i = 0; i < list.length; i += 700) {
        const some = list.slice(i, i + 700);
        from.say(announcement({ prefixes: some, nextHop: '10.0.0.99', attributes: attributes(i % 3) }));
      }
    };
    // All in one turn, over many chunks: a, b and a again.
    say(a, prefixes(1, 20_000));
    say(b, prefixes(2, 20_000));
    say(a, prefixes(3, 20_000));
    rig.settle();
    expect([a, b, c].map(({ view }) => view.routes.size)).to.deep.equal([20_000, 40_000, 60_000]);
    a.down();
    rig.settle();
    expect([b, c].map(({ view }) => view.routes.size)).to.deep.equal([0, 20_000]);
    expect([...b.view.needless, ...c.view.needless]).to.deep.equal([]);
  });

  it('so does a stream in which every route has attributes of its own', () => {
    const { rig, a, b, c } = threeClients();
    rig.settle();
    for (let i = 0; i < 4000; i++) {
      const prefix = `11.0.${i >> 8}.${i & 255}/32`;
      (i % 2 === 0 ? a : b).say(announcement({ prefixes: [prefix], nextHop: '10.0.0.99', attributes: attributes(i) }));
    }
    rig.settle();
    expect([a, b, c].map(({ view }) => view.routes.size)).to.deep.equal([2000, 2000, 4000]);
  });

  it('more than one plan: a late joiner that reads slowly while routes come and go', () => {
    const rig = new GroupRig();
    const [a, late] = [rig.add('client'), rig.add('client')];
    a.up();
    const prefixes = Array.from({ length: 70_000 }, (_, i) => `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`);
    for (let i = 0; i < prefixes.length; i += 700) {
      const some = prefixes.slice(i, i + 700);
      a.say(announcement({ prefixes: some, nextHop: '10.0.0.99', attributes: attributes(1) }));
    }
    rig.settle();
    late.up();
    late.blockAfter = 1;
    rig.settle();
    const told = late.view.routes.size;
    expect(told).to.be.within(1, 69_999);
    expect(late.member.attached).to.equal(false);
    const readOnePlan = (): void => {
      late.blockAfter = 1;
      late.drain();
      rig.settle();
    };
    const [first, last] = [prefixes[0]!, prefixes[69_999]!];
    const withdraw = (): void => {
      for (const prefix of [first, last]) a.say(withdrawal([prefix]));
      rig.settle();
    };
    withdraw();
    readOnePlan();
    // All again, so that it does not come to an end: the first one is told of its withdrawal meanwhile.
    late.refresh();
    readOnePlan();
    expect(late.view.routes.has(first)).to.equal(false);
    expect(late.member.attached).to.equal(false);
    // There and gone again before it reads on: nothing to tell.
    a.say(announcement({ prefixes: [first, last], nextHop: '10.0.0.99', attributes: attributes(2) }));
    rig.settle();
    withdraw();
    late.blockAfter = Infinity;
    late.drain();
    rig.settle();
    expect(late.view.routes.size).to.equal(69_998);
    expect(late.view.needless).to.deep.equal([]);
    expect(late.endOfRibs).to.equal(2);
  });

  it('a number of an ended session is not given out while routes of it are best', () => {
    const rig = new GroupRig(true);
    const [a, b, c] = [rig.add('client'), rig.add('client'), rig.add('client')];
    a.up();
    b.up();
    for (let i = 0; i < 30; i++) {
      const some = Array.from({ length: 700 }, (_, k) => `11.0.${i * 3 + (k >> 8)}.${k & 255}/32`);
      a.say(announcement({ prefixes: some, nextHop: '10.0.0.99', attributes: attributes(1) }));
    }
    rig.settle();
    const old = a.source;
    a.down();
    let slices = 0;
    // All is withdrawn in one slice, but it takes several to decide.
    let looks = 0;
    rig.costMs = () => (++looks < 10 ? 0 : 20);
    rig.onSlice = () => {
      if (rig.rib.families[0]!.bestCount === 0) return;
      slices++;
      c.up();
      expect(c.source).to.not.equal(old);
      c.down();
    };
    rig.settle();
    expect(slices).to.be.greaterThan(0);
    expect(b.view.routes.size).to.equal(0);
  });

  it('a group without members is forgotten', () => {
    const rig = new GroupRig();
    const a = rig.add('client');
    a.up();
    const { group } = a.outbound.get('ipv4-unicast')!;
    a.down();
    a.up();
    expect(a.outbound.get('ipv4-unicast')!.group).to.not.equal(group);
  });

  it('a neighbor of another AS sees our AS in front, and shares nothing with iBGP members', () => {
    const rig = new GroupRig();
    const [a, e] = [rig.add('client'), rig.add('ebgp')];
    a.up();
    e.up();
    routes('10.1.0.0/24', a);
    rig.settle();
    const route = e.view.routes.get('10.1.0.0/24')!;
    expect(valueOf(route, 2)).to.deep.equal([{ type: 'AS_SEQUENCE', asns: [LOCAL_AS] }]);
    expect(valueOf(route, 5)).to.equal(undefined);
  });
});
