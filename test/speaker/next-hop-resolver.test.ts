import { expect } from 'chai';
import { parsePrefix, type LocalNetworks } from '../../lib/net/index.js';
import type { Fib } from '../../lib/fib/fib.js';
import { NextHopResolver } from '../../lib/speaker/next-hop-resolver.js';
import { Speaker } from '../../lib/speaker/speaker.js';

/** A machine with one interface. */
const networks: LocalNetworks = {
  interfaceOf: (address) =>
    address === '192.0.2.1'
      ? { name: 'eth0', addresses: [{ address, subnet: parsePrefix('192.0.2.0/24') }] }
      : undefined,
};

describe('next hops that are our own address (RFC 4271 5.1.3)', () => {
  it('are right for routes that are originated here', async () => {
    const speaker = new Speaker({ asn: 64512, routerId: '192.0.2.1' }, { networks });
    speaker.announce('10.0.0.0/24', { nextHop: '192.0.2.1' });
    await speaker.idle();
    expect(speaker.explain('10.0.0.0/24').best?.nextHop).to.equal('192.0.2.1');
  });

  it('lead nowhere for learnt routes', () => {
    const resolver = new NextHopResolver(networks);
    expect(resolver.resolve(Uint8Array.of(192, 0, 2, 1)).reachable).to.equal('own');
    expect(resolver.resolve(Uint8Array.of(192, 0, 2, 2)).reachable).to.equal('yes');
    expect(resolver.resolve(Uint8Array.of(224, 0, 0, 1)).reachable).to.equal('no');
  });
});

describe('next hops and the kernel', () => {
  /** The two things that the resolver asks a Fib. */
  const fib = (knowsKernel: boolean): Fib =>
    ({ knowsKernel, cover: () => ({ length: -1, metric: 0, connected: false, leads: false }) }) as unknown as Fib;
  const nextHop = Uint8Array.of(192, 0, 2, 2);

  it('one that the kernel cannot reach is not usable (RFC 4271 9.1.2.1)', () => {
    const resolver = new NextHopResolver(networks);
    resolver.setFib(fib(true));
    expect(resolver.resolve(nextHop).reachable).to.equal('no');
  });

  it('a kernel that cannot be read does not stop BGP', () => {
    const resolver = new NextHopResolver(networks);
    resolver.setFib(fib(false));
    expect(resolver.resolve(nextHop).reachable).to.equal('yes');
  });
});
