import { expect } from 'chai';
import { clientOf } from '../support/lab.js';
import { RecordingLab, ribOf } from './rig.js';

const R = '10.0.0.1';

describe('Record and replay', () => {
  it('gives the same RIB', async () => {
    const lab = new RecordingLab();
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf('10.0.0.11'), clientOf('10.0.0.12')] });
    const a = lab.probe(R, '10.0.0.11');
    const b = lab.probe(R, '10.0.0.12');
    await lab.up(a, b);
    a.announce('10.1.0.0/16', '10.2.0.0/16').announce('2001:db8:1::/48');
    b.announceWith(b.attributes([{ code: 5, value: 200 }]), '10.1.0.0/16');
    speaker.announce('10.9.0.0/16', { med: 5 });
    await lab.settle();
    a.withdraw('10.2.0.0/16');
    await lab.settle();
    const { speaker: again, ...result } = await lab.replayOf(speaker);
    expect(result.difference).to.equal(undefined);
    expect(ribOf(again)).to.deep.equal(ribOf(speaker));
    expect(ribOf(again).length).to.be.greaterThan(8);
    expect(result.checkpoints).to.be.greaterThan(1);
    expect(result.end).to.equal('open');
  });
});
