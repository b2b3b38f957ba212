import { expect } from 'chai';
import { UNKNOWN, VerdictCache } from '../../lib/policy/verdict-cache.js';
import { attributes, PolicyRig } from './rig.js';

describe('what is remembered of a policy', () => {
  it('counts only while both sets live', () => {
    const rig = new PolicyRig([]);
    const { store } = rig.rib.of('ipv4-unicast');
    const set = (med: number): number => {
      rig.announce({ prefix: `10.${med}.0.0/16`, attributes: attributes('ebgp', [{ code: 4, value: med }]) });
      return rig.held({ prefix: `10.${med}.0.0/16` }).attributes;
    };
    const free = (prefix: number): void => {
      rig.rib.of('ipv4-unicast').withdraw(rig.source.source, prefix);
      rig.decide('ipv4-unicast');
      rig.rib.of('ipv4-unicast').freeUnusedSets();
    };
    const [source, result] = [set(1), set(2)];
    const cache = new VerdictCache(store);
    cache.put(source, 3, result);
    expect(cache.get(source, 3)).to.equal(result);
    expect(cache.get(source, 4)).to.equal(UNKNOWN);
    free(1);
    expect(store.count, 'the second set is free').to.equal(1);
    expect(cache.get(source, 3)).to.equal(UNKNOWN);
    // Its id stands for another set now.
    expect(set(5)).to.equal(result);
    expect(cache.get(source, 3)).to.equal(UNKNOWN);
    cache.put(source, 3, -1);
    expect(cache.get(source, 3)).to.equal(-1);
    free(0);
    expect(set(6)).to.equal(source);
    expect(cache.get(source, 3)).to.equal(UNKNOWN);
  });

  it('grows, up to a limit, when entries displace each other, and never mixes them up', () => {
    const rig = new PolicyRig([]);
    rig.announce({});
    const { rib, attributes: set } = rig.held({});
    const cache = new VerdictCache(rib.store);
    let kept = 0;
    for (let round = 0; round < 20; round++) {
      for (let cls = 0; cls < 1000; cls++) {
        const known = cache.get(set, cls);
        const expected = cls % 2 === 0 ? -1 : set;
        expect([UNKNOWN, expected]).to.include(known);
        if (round === 19 && known !== UNKNOWN) kept++;
        cache.put(set, cls, expected);
      }
    }
    expect(kept).to.be.at.least(900);
  });
});
