import { expect } from 'chai';
import { MemoryNetwork, seededRandom, VirtualClock } from '../../lib/sim/index.js';
import type { SpeakerConfig } from '../../lib/speaker/options.js';
import { Speaker } from '../../lib/speaker/speaker.js';

describe('reconfigure', () => {
  let clock: VirtualClock;
  let network: MemoryNetwork;
  let speakers: Speaker[];

  beforeEach(() => {
    clock = new VirtualClock();
    network = new MemoryNetwork({ clock });
    speakers = [];
  });
  afterEach(async () => {
    const stopping = Promise.all(speakers.map((speaker) => speaker.stop()));
    await clock.runAsync(10_000);
    await stopping;
  });

  async function start(address: string, config: Partial<SpeakerConfig>): Promise<Speaker> {
    const whole = { asn: 64512, routerId: address, listen: [{ address, port: 179 }], ...config };
    const speaker = new Speaker(whole, { transport: network.host(address), clock, random: seededRandom(7) });
    speakers.push(speaker);
    await speaker.start();
    return speaker;
  }

  async function established(speaker: Speaker, count: number): Promise<void> {
    await clock.runUntilAsync(() => speaker.summary().neighbors.established === count, 60_000);
  }

  const base = { asn: 64512, routerId: '10.0.0.1', listen: [{ address: '10.0.0.1', port: 179 }] };
  const peer = (address: string, more = {}) => ({ address, peerAs: 64512, ...more });

  it('takes out a network that was withdrawn at run time already, and does the rest', async () => {
    const speaker = await start('10.0.0.1', { networks: ['10.1.0.0/16', '10.2.0.0/16'] });
    speaker.withdraw('10.1.0.0/16');
    const result = await speaker.reconfigure({ ...base, networks: ['10.3.0.0/16'] });
    expect(result.networksRemoved).to.have.members(['10.1.0.0/16', '10.2.0.0/16']);
    await clock.runAsync(1000);
    expect([...speaker.routes('ipv4-unicast')].map(({ prefix }) => prefix)).to.deep.equal(['10.3.0.0/16']);
  });

  it('touches only the sessions concerned', async () => {
    const reflector = await start('10.0.0.1', { neighbors: ['2', '3', '4'].map((n) => peer(`10.0.0.${n}`)) });
    for (const n of ['2', '3', '4', '5']) await start(`10.0.0.${n}`, { neighbors: [peer('10.0.0.1')] });
    await established(reflector, 3);
    const result = await reflector.reconfigure({
      ...base,
      neighbors: [
        peer('10.0.0.2', { description: 'only words' }),
        peer('10.0.0.3', { holdTime: 30 }),
        peer('10.0.0.5'),
      ],
      networks: ['10.1.0.0/16'],
    });
    expect(result).to.deep.equal({
      added: ['10.0.0.5'],
      removed: ['10.0.0.4'],
      changed: ['10.0.0.2'],
      reset: ['10.0.0.3'],
      networksAdded: ['10.1.0.0/16'],
      networksRemoved: [],
      needsRestart: [],
    });
    expect(reflector.neighbor('10.0.0.2')).to.include({ state: 'Established', description: 'only words' });
    await established(reflector, 3);
    expect(reflector.neighbor('10.0.0.2').established).to.equal(1);
    expect(reflector.neighbor('10.0.0.3').holdTime).to.equal(30);
    expect(reflector.neighbors().map(({ address }) => address)).to.have.members(['10.0.0.2', '10.0.0.3', '10.0.0.5']);
  });

  it('of a range of neighbors: its limit and description in place, its hold time not', async () => {
    const group = (more = {}) => ({ peerGroups: { g: { peerAs: 64512, ...more } } });
    const range = (more = {}) => ({ dynamicNeighbors: [{ prefix: '10.0.0.0/8', peerGroup: 'g', ...more }] });
    const reflector = await start('10.0.0.1', { ...group(), ...range() });
    await start('10.0.0.2', { neighbors: [peer('10.0.0.1')] });
    await established(reflector, 1);
    const inPlace = await reflector.reconfigure({
      ...base,
      ...group({ description: 'hosts' }),
      ...range({ limit: 5 }),
    });
    expect(inPlace.reset).to.deep.equal([]);
    expect(reflector.neighbor('10.0.0.2')).to.include({ state: 'Established', description: 'hosts' });
    const reset = await reflector.reconfigure({ ...base, ...group({ holdTime: 30 }), ...range({ limit: 5 }) });
    expect(reset.reset).to.deep.equal(['10.0.0.2']);
    await established(reflector, 0);
    await established(reflector, 1);
    expect(reflector.neighbor('10.0.0.2').holdTime).to.equal(30);
  });

  it('of nested ranges the longest counts', async () => {
    const reflector = await start('10.0.0.1', {
      peerGroups: { far: { peerAs: 64512, description: 'far' }, near: { peerAs: 64512, description: 'near' } },
      dynamicNeighbors: [
        { prefix: '10.0.0.0/8', peerGroup: 'far' },
        { prefix: '10.0.0.0/24', peerGroup: 'near' },
      ],
    });
    await start('10.0.0.2', { neighbors: [peer('10.0.0.1')] });
    await start('10.9.0.2', { neighbors: [peer('10.0.0.1')] });
    await established(reflector, 2);
    expect(reflector.neighbor('10.0.0.2').description).to.equal('near');
    expect(reflector.neighbor('10.9.0.2').description).to.equal('far');
  });
});
