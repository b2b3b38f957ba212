import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { frame } from '../../lib/bgp/wire/header.js';
import type { NeighborOptions } from '../../lib/speaker/options.js';
import { clientOf, Lab } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';

const communities = (count: number): EncodableAttribute => ({
  code: 8,
  value: Array.from({ length: count }, (_, i) => 0x10000 + i),
});

/** A reflector and three clients: two that offer extended messages, one that does not. */
async function reflector(more: Partial<NeighborOptions> = {}) {
  const lab = new Lab();
  const neighbors = ['10.0.0.11', '10.0.0.12', '10.0.0.13'].map((address) => clientOf(address, more));
  const speaker = await lab.speaker({ routerId: R, neighbors });
  const long = { maxMessageLength: 65535 };
  const from = lab.probe(R, '10.0.0.11', long);
  const to = lab.probe(R, '10.0.0.12', long);
  const old = lab.probe(R, '10.0.0.13');
  await lab.up(from, to, old);
  return { lab, speaker, from, to, old };
}

describe('Speaker: extended messages (RFC 8654)', () => {
  it('negotiated by direction: who offers it takes long messages, who is offered it may send them', async () => {
    const { speaker, from, old } = await reflector();
    expect(from.negotiated!.send.maxMessageLength).to.equal(65535);
    expect(old.negotiated!.send.maxMessageLength).to.equal(4096);
    expect(from.peer.capabilities).to.include('EXTENDED_MESSAGE');
    expect(speaker.neighbor('10.0.0.11').capabilities).to.include('EXTENDED_MESSAGE');
    expect(speaker.neighbor('10.0.0.13').capabilities).not.to.include('EXTENDED_MESSAGE');
  });

  it('the longest message of all is taken in and reflected', async () => {
    const { from, to, old, lab } = await reflector();
    let longest = 0;
    to.onMessage = (body) => (longest = Math.max(longest, 19 + body.length));
    // 23 and, with headers, ORIGIN 4, AS_PATH 3, NEXT_HOP 7, LOCAL_PREF 7, COMMUNITIES 4, NLRI 5: 53 + 4 * 16367 = 65521;
    // ORIGINATOR_ID and CLUSTER_LIST make it 65535.
    from.announceWith(from.attributes([communities(16_367)]), '10.9.9.9/32');
    from.announceWith(from.attributes([communities(16_350)]), V6);
    await lab.settle();
    expect(to.prefixes).to.deep.equal(['10.9.9.9/32', V6]);
    expect(longest).to.equal(65535);
    expect(valueOf(to.view.routes.get('10.9.9.9/32')!, 8)).to.have.length(16_367);
    expect(valueOf(to.view.routes.get(V6)!, 8)).to.have.length(16_350);
    expect(old.prefixes).to.deep.equal([]);
  });

  it('a set that has no room for what reflection adds is told to nobody (RFC 4271 section 9.2)', async () => {
    const { from, to, lab, speaker } = await reflector();
    from.announceWith(from.attributes([communities(16_368)]), V4);
    await lab.settle();
    expect([...speaker.routes('ipv4-unicast')]).to.have.length(1);
    expect(to.prefixes).to.deep.equal([]);
  });

  it('attributes that grow out of 4096 octets: withdrawn from the neighbor without, and told again when they shrink (section 4)', async () => {
    const { from, to, old, lab } = await reflector();
    from.announceWith(from.attributes([communities(10)]), V4);
    await lab.settle();
    expect(old.prefixes).to.deep.equal([V4]);
    from.announceWith(from.attributes([communities(2000)]), V4);
    await lab.settle();
    expect(old.prefixes).to.deep.equal([]);
    expect(old.view.needless).to.deep.equal([]);
    expect(to.prefixes).to.deep.equal([V4]);
    from.announceWith(from.attributes([communities(11)]), V4);
    await lab.settle();
    expect(old.prefixes).to.deep.equal([V4]);
    expect(old.downs).to.deep.equal([]);
  });

  it('many prefixes of one set share one long message', async () => {
    const { from, to, old, lab } = await reflector();
    const prefixes = Array.from({ length: 8000 }, (_, i) => `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`);
    const before = [to.view.messages, old.view.messages];
    from.announce(...prefixes);
    await lab.settle();
    expect([to.view.routes.size, old.view.routes.size]).to.deep.equal([8000, 8000]);
    expect(to.view.messages - before[0]!).to.equal(1);
    expect(old.view.messages - before[1]!).to.equal(Math.ceil(8000 / Math.floor((4096 - 23 - 42) / 5)));
  });

  it('switched off: not offered, and a message of 4097 octets is Bad Message Length with its length as data', async () => {
    const { from, lab } = await reflector({ extendedMessages: false });
    expect(from.peer.capabilities).not.to.include('EXTENDED_MESSAGE');
    from.send(frame(2, new Uint8Array(4097 - 19)));
    await lab.settle();
    expect(from.peer.lastError).to.include({ direction: 'received', code: 1, subcode: 2, data: '1001' });
  });

  it('offered: taken also from a neighbor that has not offered it itself', async () => {
    const { old, to, lab } = await reflector();
    old.announceWith([], V6); // nothing mandatory: treated as withdrawn, the session stays
    old.send(frame(2, Uint8Array.from([0, 0, 0, 0, ...new Array<number[]>(1000).fill([32, 10, 9, 9, 9]).flat()])));
    await lab.settle();
    expect(old.downs).to.deep.equal([]);
    expect(to.downs).to.deep.equal([]);
  });

  it('OPEN and KEEPALIVE stay short whatever was agreed: Bad Message Length', async () => {
    for (const type of [1, 4]) {
      const { from, lab } = await reflector();
      from.send(frame(type, new Uint8Array(4097 - 19)));
      await lab.settle();
      expect(from.peer.lastError, `type ${type}`).to.include({ code: 1, subcode: 2, data: '1001' });
    }
  });

  it('two-octet AS numbers that would make a set of more than 65535 octets: treated as withdrawn, told as a diagnostic', async () => {
    const lab = new Lab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf('10.0.0.11')] });
    const old = lab.probe(R, '10.0.0.11', { maxMessageLength: 65535, capabilities: { fourOctetAs: false } });
    const errors: string[] = [];
    speaker.on('updateError', ({ diagnostic }) => errors.push(`${diagnostic.action}: ${diagnostic.reason}`));
    await lab.up(old);
    const segment = { type: 'AS_SEQUENCE', asns: new Array<number>(255).fill(65001) } as const;
    old.announceWith(old.attributes([{ code: 2, value: new Array<typeof segment>(70).fill(segment) }]), V4);
    await lab.settle();
    expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    expect(errors).to.have.length(1);
    expect(errors[0]).to.match(/^treat-as-withdraw: path attributes of 71\d{3} octets/);
    expect(old.downs).to.deep.equal([]);
  });
});
