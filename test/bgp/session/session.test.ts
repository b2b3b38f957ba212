import { expect } from 'chai';
import { EMPTY_UPDATE, openOf, Rig, V4 } from './rig.js';
import { KEEPALIVE } from '../../../lib/bgp/wire/messages/keepalive.js';

describe('a session comes up', () => {
  it('by dialing', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    expect(rig.recorder.states).to.deep.equal(['Connect', 'OpenSent', 'OpenConfirm', 'Established']);
    expect(rig.recorder.log.at(-1)).to.equal('established');
    expect(script.heard).to.deep.equal(['OPEN', 'KEEPALIVE']);
    expect(rig.peer.reason).to.equal(undefined);
    expect(rig.peer.negotiated).to.deep.include({ peerAs: 64512, peerType: 'ibgp', holdTimeSeconds: 90 });
    expect(rig.peer.capabilities).to.deep.equal(['MULTIPROTOCOL', 'ROUTE_REFRESH', 'FOUR_OCTET_AS']);
    expect(rig.peer.establishedCount).to.equal(1);
    expect(rig.peer.received).to.include({ open: 1, keepalive: 1 });
    expect(rig.peer.sent).to.include({ open: 1, keepalive: 1 });
    expect([rig.peer.octetsReceived, rig.peer.octetsSent]).to.deep.equal([
      openOf().length + KEEPALIVE.length,
      19 + script.opens[0]!.length + KEEPALIVE.length,
    ]);
  });

  it('by accepting', () => {
    const rig = new Rig({ passive: true });
    rig.peer.start();
    rig.settle(600000);
    expect(rig.peer).to.include({ state: 'Active', reason: 'waiting for the neighbor to connect' });
    rig.dial();
    rig.settle();
    rig.script.open().keepalive();
    rig.settle();
    expect(rig.recorder.states).to.deep.equal(['Active', 'OpenSent', 'OpenConfirm', 'Established']);
    expect(rig.accepted).to.deep.equal([true]);
  });

  it('when OPEN and KEEPALIVE arrive together, split at every octet', () => {
    const stream = Buffer.concat([openOf(), KEEPALIVE, EMPTY_UPDATE, EMPTY_UPDATE]);
    for (let at = 1; at < stream.length; at++) {
      const rig = new Rig();
      const script = rig.upTo('OpenSent');
      script.send(stream.subarray(0, at));
      rig.settle();
      script.send(stream.subarray(at));
      rig.settle();
      expect(rig.peer.state, `split at ${at}`).to.equal('Established');
      expect(rig.recorder.updates, `split at ${at}`).to.deep.equal(['00000000', '00000000']);
    }
  });

  it('octet by octet', () => {
    const rig = new Rig();
    const script = rig.upTo('OpenSent');
    for (const octet of Buffer.concat([openOf(), KEEPALIVE, EMPTY_UPDATE])) script.send(Uint8Array.of(octet));
    rig.settle();
    expect(rig.recorder.updates).to.deep.equal(['00000000']);
    expect(rig.recorder.reads).to.equal(EMPTY_UPDATE.length + 1);
  });

  it('from the address and port asked for', () => {
    const rig = new Rig({ localAddress: '10.0.0.9', localPort: 1179 });
    const script = rig.upTo('OpenSent');
    expect(script.connection.remote).to.deep.equal({ address: '10.0.0.9', port: 1179 });
    expect(rig.peer.local).to.deep.equal({ address: '10.0.0.9', port: 1179 });
  });

  it('only on the local address asked for', () => {
    const rig = new Rig({ passive: true, localAddress: '10.0.0.9' });
    rig.peer.start();
    rig.dial('10.0.0.1');
    rig.dial('10.0.0.9');
    expect(rig.accepted).to.deep.equal([false, true]);
  });

  it('with a peer of two-octet AS numbers', () => {
    const rig = new Rig({ localAs: 4200000000, peerAs: 64512 });
    const script = rig.upTo('Established', { capabilities: [] });
    // RFC 6793 section 4.2.1: AS_TRANS is 23456, hex 5ba0.
    expect(Buffer.from(script.opens[0]!).toString('hex', 1, 3)).to.equal('5ba0');
    expect(rig.peer.negotiated?.send).to.include({ asn4: false, peerType: 'ebgp' });
    expect(rig.peer.negotiated?.families).to.deep.equal([V4]);
  });

  it('with our role in the OPEN (RFC 9234 4.1), and one of the peer that fits', () => {
    const rig = new Rig({ localAs: 64512, peerAs: 65001, role: 'provider', roleStrict: true });
    const script = rig.upTo('Established', { myAs: 65001, capabilities: [{ code: 9, name: 'ROLE', role: 3 }] });
    // Code 9, length 1, provider.
    expect(Buffer.from(script.opens[0]!).toString('hex')).to.include('090100');
    expect(rig.peer.negotiated).to.include({ peerRole: 'customer' });
  });

  it('never with one that does not fit: 2/11 (RFC 9234 4.2)', () => {
    for (const capabilities of [[{ code: 9, name: 'ROLE', role: 0 } as const], []]) {
      const rig = new Rig({ localAs: 64512, peerAs: 65001, role: 'provider', roleStrict: true });
      const script = rig.upTo('OpenSent');
      script.open({ myAs: 65001, capabilities });
      rig.settle();
      expect(script.heard.at(-1)).to.equal('NOTIFICATION 2/11');
      expect(rig.peer.state).to.equal('Idle');
    }
  });

  it('with any peer AS, if so allowed', () => {
    const rig = new Rig({ peerAs: 'any' });
    rig.upTo('Established', { myAs: 65001, capabilities: [] });
    expect(rig.peer.negotiated).to.include({ peerAs: 65001, peerType: 'ebgp' });
  });

  it('without capabilities once the peer refused them (RFC 5492 3)', () => {
    const rig = new Rig();
    const script = rig.upTo('OpenSent');
    script.notify(2, 4);
    rig.clock.runUntil(() => rig.scripts.length === 2, 5001);
    rig.settle();
    rig.script.open({ capabilities: [] }).keepalive();
    rig.settle();
    expect(rig.script.opens[0]![9], 'Optional Parameters Length').to.equal(0);
    expect(rig.peer.state).to.equal('Established');
    // The next session tries with capabilities again.
    rig.script.connection.end();
    rig.clock.runUntil(() => rig.scripts.length === 3, 10001);
    rig.settle();
    expect(rig.script.opens[0]![9]).to.be.greaterThan(0);
  });
});

describe('messages of an Established session', () => {
  it('are sent as they are, counted by the sender', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    expect(rig.peer.send(EMPTY_UPDATE)).to.equal(true);
    rig.peer.countSent('update', 1);
    rig.settle();
    expect(script.heard.at(-1)).to.equal('UPDATE');
    expect(rig.peer.sent.update).to.equal(1);
  });

  it('are not sent without a session', () => {
    const rig = new Rig();
    expect(rig.peer.send(EMPTY_UPDATE)).to.equal(false);
    const script = rig.upTo('OpenSent');
    expect(rig.peer.send(EMPTY_UPDATE)).to.equal(false);
    expect(script.heard).to.deep.equal(['OPEN']);
  });

  it('ROUTE-REFRESH reaches the owner for families in use', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    script.send(Buffer.from('ffffffffffffffffffffffffffffffff00170500010001', 'hex'));
    script.send(Buffer.from('ffffffffffffffffffffffffffffffff00170500190046', 'hex'));
    rig.settle();
    expect(rig.recorder.log.filter((line) => line.startsWith('refresh'))).to.deep.equal(['refresh 1/1 0']);
  });

  it('stop flowing while reading is paused, and nothing expires meanwhile', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    rig.peer.pauseReading();
    script.live(300000);
    script.send(EMPTY_UPDATE);
    rig.settle();
    expect(rig.recorder.updates).to.deep.equal([]);
    rig.peer.resumeReading();
    rig.settle();
    expect(rig.recorder.updates).to.deep.equal(['00000000']);
    expect(rig.peer.state).to.equal('Established');
  });

  it('report back-pressure and its end', () => {
    const rig = new Rig();
    const script = rig.upTo('Established');
    script.connection.pause();
    const block = new Uint8Array(50000).fill(0xff);
    for (let i = 0; i < 2; i++) expect(rig.peer.send(block)).to.equal(true);
    expect(rig.peer.send(block)).to.equal(false);
    expect(rig.peer.queuedBytes).to.equal(150000 - 65536);
    expect(rig.recorder.drains).to.equal(0);
  });
});
