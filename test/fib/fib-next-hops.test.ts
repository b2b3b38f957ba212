import { expect } from 'chai';
import { routeBody } from '../../lib/fib/body.js';
import { Rig } from './rig.js';

describe('Fib: next hops', () => {
  it('answers undefined for all before the kernel was read', () => {
    expect(new Rig().fib.resolve('10.0.0.2')).to.equal(undefined);
  });

  it('resolves through connected, static and other protocols, not through ours or our own address', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0', metric: 20 });
    rig.kernel.put({ prefix: '10.60.0.0/16', via: '10.0.0.6', device: 'eth0', protocol: 188, metric: 10 });
    rig.kernel.put({ prefix: '10.70.0.0/16', via: '10.0.0.7', device: 'eth0', protocol: 186, metric: 1 });
    rig.kernel.put({ prefix: '10.80.0.0/16' });
    await rig.start();
    expect(rig.fib.resolve('10.0.0.2')).to.deep.equal({ metric: 0, device: 'eth0', gateway: '10.0.0.2' });
    expect(rig.fib.resolve('2001:db8::2')).to.deep.equal({ metric: 0, device: 'eth0', gateway: '2001:db8::2' });
    expect(rig.fib.resolve('10.50.1.1')).to.deep.equal({ metric: 20, device: 'eth0', gateway: '10.0.0.5' });
    expect(rig.fib.resolve('10.60.1.1')).to.deep.equal({ metric: 10, device: 'eth0', gateway: '10.0.0.6' });
    for (const nowhere of ['10.70.1.1', '10.80.1.1', '10.0.0.1', '2001:db8::1', '198.51.100.1', 'fe80::2']) {
      expect(rig.fib.resolve(nowhere), nowhere).to.equal(undefined);
    }
    expect(rig.fib.resolve('fe80::2', 'eth0')).to.deep.equal({ metric: 0, device: 'eth0', gateway: 'fe80::2' });
    expect(rig.fib.resolve('fe80::2', 'eth7')).to.equal(undefined);
  });

  it('takes the longest match, then the lowest metric', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    rig.kernel.put({ prefix: '10.50.1.0/24', via: '10.0.0.7', device: 'eth0', metric: 9 });
    rig.kernel.put({ prefix: '10.50.1.0/24', via: '10.0.0.6', device: 'eth0', metric: 5 });
    rig.kernel.put({ prefix: '0.0.0.0/0', via: '10.0.0.254', device: 'eth0' });
    await rig.start();
    expect(rig.fib.resolve('10.50.1.1')).to.include({ gateway: '10.0.0.6', metric: 5 });
    expect(rig.fib.resolve('10.50.2.1')).to.include({ gateway: '10.0.0.5' });
    expect(rig.fib.resolve('203.0.113.1')).to.include({ gateway: '10.0.0.254' });
  });

  it('does not resolve by a default route when told so', async () => {
    const rig = new Rig({ resolveViaDefault: false });
    rig.kernel.put({ prefix: '0.0.0.0/0', via: '10.0.0.254', device: 'eth0' });
    await rig.start();
    expect(rig.fib.resolve('203.0.113.1')).to.equal(undefined);
  });

  it('looks in the own table first, then in main', async () => {
    const rig = new Rig({ table: 77 });
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.6', device: 'eth0', table: 77 });
    await rig.start();
    expect(rig.fib.resolve('10.50.1.1')).to.include({ gateway: '10.0.0.6' });
    expect(rig.fib.resolve('10.0.0.2')).to.include({ device: 'eth0' });
  });

  it('in a VRF looks in its own table alone', async () => {
    const rig = new Rig({ table: 77, resolveViaMain: false });
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    rig.kernel.put({ prefix: '10.60.0.0/16', via: '10.0.0.6', device: 'eth0', table: 77 });
    await rig.start();
    expect(rig.fib.resolve('10.60.1.1')).to.include({ gateway: '10.0.0.6' });
    for (const elsewhere of ['10.50.1.1', '10.0.0.2']) expect(rig.fib.resolve(elsewhere)).to.equal(undefined);
  });

  it('says which route covers a next hop, also one that leads nowhere', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0', metric: 20 });
    rig.kernel.put({ prefix: '10.50.9.0/24', metric: 7 });
    await rig.start();
    const { fib } = rig;
    expect(fib.cover('10.0.0.2')).to.deep.equal({ length: 24, metric: 0, connected: true, leads: true });
    expect(fib.cover('10.50.1.1')).to.deep.equal({ length: 16, metric: 20, connected: false, leads: true });
    expect(fib.cover('10.50.9.1')).to.deep.equal({ length: 24, metric: 7, connected: false, leads: false });
    expect(fib.cover('10.0.0.1')).to.deep.equal({ length: 32, metric: 0, connected: false, leads: false });
    expect(fib.cover('198.51.100.1')).to.deep.equal({ length: -1, metric: 0, connected: false, leads: false });
    const told: string[][] = [];
    fib.onResolutionChange((nextHops) => told.push(nextHops));
    rig.kernel.put({ prefix: '198.51.100.0/24' });
    await rig.settle();
    expect(told).to.deep.equal([['198.51.100.1']]);
  });

  it('a next hop on the link of a device that is named: whatever the routes say, while the device is up', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('tunl0');
    rig.fib.set('10.1.0.0/16', { nextHop: '192.0.2.9', device: 'tunl0', onlink: true });
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 192.0.2.9 dev tunl0']);
    rig.kernel.setLink('tunl0', false);
    await rig.run(1000);
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
    expect(() => rig.fib.set('10.2.0.0/16', { nextHop: '192.0.2.9', onlink: true })).to.throw(/onlink needs a device/);
  });

  it('shares of a next hop are divided among its ways, in whole weights of at most 256', async () => {
    const rig = new Rig();
    const hops = [
      { gateway: '10.0.0.5', device: 'eth0', weight: 1 },
      { gateway: '10.0.0.6', device: 'eth0', weight: 2 },
    ];
    rig.kernel.putRoute({
      prefix: '10.50.0.0/16',
      table: 254,
      protocol: 4,
      metric: 0,
      tos: 0,
      body: routeBody({ type: 'unicast', hops }),
    });
    await rig.start();
    const weights = (): string => [...rig.dump()[0]!.matchAll(/weight (\d+)/g)].map(([, weight]) => weight).join(' ');
    rig.fib.set('10.1.0.0/16', { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.50.1.1' }] });
    await rig.settle();
    expect(weights()).to.equal('3 1 2');
    rig.fib.set('10.1.0.0/16', { nextHops: [{ nextHop: '10.0.0.2', weight: 200 }, { nextHop: '10.50.1.1' }] });
    await rig.settle();
    expect(weights()).to.equal('256 1 1');
  });

  it('holds a route back while its next hop cannot be reached, and removes it when that is lost', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.50.1.1' });
    await rig.settle();
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
    expect(rig.dump()).to.deep.equal([]);
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.5 dev eth0']);
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.6', device: 'eth0' });
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.6 dev eth0']);
    rig.kernel.remove('10.50.0.0/16');
    await rig.settle();
    expect(rig.dump()).to.deep.equal([]);
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
  });

  it('follows a link that goes down silently and comes back', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    rig.kernel.setLink('eth0', false);
    await rig.run(1000);
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
    rig.kernel.setLink('eth0', true);
    await rig.run(1000);
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.2 dev eth0']);
    expect(rig.of('foreignChange'), 'a link is nobody at fault').to.deep.equal([]);
  });

  it('tells of changed resolutions of what was asked for, and of nothing else', async () => {
    const rig = await new Rig().start();
    const told: string[][] = [];
    rig.fib.onResolutionChange((nextHops) => told.push(nextHops));
    rig.fib.resolve('10.50.1.1');
    rig.fib.resolve('10.60.1.1');
    rig.fib.set('10.1.0.0/16', { nextHop: '10.50.1.2' });
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    await rig.run(3000);
    expect(told).to.deep.equal([['10.50.1.1']]);
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0', metric: 7 });
    rig.kernel.remove('10.50.0.0/16', { metric: 0 });
    await rig.run(3000);
    expect(told).to.deep.equal([['10.50.1.1'], ['10.50.1.1']]);
    rig.fib.forget('10.50.1.1');
    rig.kernel.remove('10.50.0.0/16');
    await rig.run(3000);
    expect(told).to.have.length(2);
  });

  it('knows that a link is down before its routes have been read', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    rig.kernel.failNextRead({ code: 'EIO', stall: true });
    rig.kernel.setLink('eth0', false);
    await rig.run(1);
    expect(rig.fib.resolve('10.0.0.3')).to.equal(undefined);
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
  });

  it('does not take a flapping link for a program that fights over routes', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    for (let i = 0; i < 10; i++) {
      rig.kernel.setLink('eth0', false);
      rig.kernel.setLink('eth0', true);
      await rig.run(1000);
      expect(rig.dump()).to.have.length(1);
    }
    expect(rig.of('contended')).to.deep.equal([]);
    expect(rig.of('foreignChange')).to.deep.equal([]);
  });

  it('looks in main when the own table says throw, and not at all at routes for a type of service', async () => {
    const rig = new Rig({ table: 77 });
    const put = (table: number, tos: number, type: 'throw' | 'unicast', gateway: string): void => {
      const hops = type === 'throw' ? [] : [{ gateway, device: 'eth0' }];
      const body = routeBody({ type, hops });
      const route = { prefix: '10.50.0.0/16', table, protocol: 4, metric: 1, tos, body };
      rig.kernel.putRoute(route);
    };
    put(77, 0, 'throw', '');
    put(254, 0, 'unicast', '10.0.0.5');
    put(77, 16, 'unicast', '10.0.0.6');
    await rig.start();
    expect(rig.fib.resolve('10.50.1.1')).to.include({ gateway: '10.0.0.5' });
  });

  it('does not read the kernel again for each route of others that comes or goes', async () => {
    const rig = await new Rig().start();
    await rig.run(5000);
    const before = rig.kernel.counts.reads;
    for (let i = 0; i < 50; i++) {
      rig.kernel.put({ prefix: `10.9.${i}.0/24`, via: '10.0.0.5', device: 'eth0' });
      await rig.run(1000);
      expect(rig.fib.resolve(`10.9.${i}.1`)).to.include({ gateway: '10.0.0.5' });
      rig.kernel.remove(`10.9.${i}.0/24`);
      await rig.run(1000);
      expect(rig.fib.resolve(`10.9.${i}.1`)).to.equal(undefined);
    }
    expect(rig.kernel.counts.reads - before).to.equal(0);
  });
});
