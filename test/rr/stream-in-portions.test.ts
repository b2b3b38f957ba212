import { expect } from 'chai';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { IdStack } from '../../lib/rib/columns.js';
import type { MemberSink } from '../../lib/rr/group-member.js';
import { announcement } from '../support/wire.js';
import { GroupRig, type RigNeighbor } from './rig.js';

const FIRST = '10.1.0.0/24';
const SECOND = '10.2.0.0/24';

function announce(from: RigNeighbor, prefix: string): void {
  const attributes: EncodableAttribute[] = [
    { code: 1, value: 'IGP' },
    { code: 2, value: [] },
    { code: 5, value: 100 },
  ];
  from.say(announcement({ prefixes: [prefix], nextHop: from.address, attributes }));
}

describe('a stream for many members goes out in portions', () => {
  /** One has announced a route, which `told` has got, and `untold` has not yet. */
  function halfTold() {
    const rig = new GroupRig(true);
    const [source, told, untold] = [rig.add('client'), rig.add('client'), rig.add('client')];
    for (const neighbor of [source, told, untold]) neighbor.up();
    rig.settle();
    announce(source, FIRST);
    for (let slices = 0; !told.view.routes.has(FIRST) && slices < 10; slices++) rig.runSlice();
    expect(untold.view.routes.size).to.equal(0);
    const { group, member } = untold.outbound.get('ipv4-unicast')!;
    expect(group.isSending).to.equal(true);
    return { rig, source, untold, group, member };
  }

  it('the rest follows in the next slices', () => {
    const { rig, untold, group } = halfTold();
    expect(rig.loop.isIdle).to.equal(false);
    rig.settle();
    expect([...untold.view.routes.keys()]).to.deep.equal([FIRST]);
    expect(group.isSending).to.equal(false);
  });

  it('what comes next waits for it', () => {
    const { rig, source, untold, group } = halfTold();
    announce(source, SECOND);
    const [changed, emptied] = [new IdStack(), new IdStack()];
    group.rib.decide(10, changed, emptied);
    group.process(changed);
    expect([...untold.view.routes.keys()]).to.include(FIRST);
    rig.settle();
    expect([...untold.view.routes.keys()]).to.deep.equal([FIRST, SECOND]);
  });

  it('a member that leaves the stream is sent it before', () => {
    const { untold, member } = halfTold();
    member.leaveStream();
    expect([...untold.view.routes.keys()]).to.deep.equal([FIRST]);
  });

  it('so is one that is told something of its own', () => {
    const { untold, member } = halfTold();
    member.sendPrivate([]);
    expect([...untold.view.routes.keys()]).to.deep.equal([FIRST]);
  });

  it('a member that is gone is sent nothing', () => {
    const { rig, untold } = halfTold();
    untold.down();
    rig.settle();
    expect(untold.view.routes.size).to.equal(0);
  });

  const sinkOf = (neighbor: RigNeighbor, onCaughtUp: () => void): MemberSink => ({
    send: (bytes) => (neighbor.view.applyStream(bytes), true),
    queuedBytes: () => 0,
    onCaughtUp,
    onBehind: () => undefined,
  });

  it('a member of another group that takes its place finds it told', () => {
    const { rig, untold, group, member } = halfTold();
    const other = rig.loop.groupFor(group.rib, { ...group.profile, maxMessageLength: 2000 });
    const next = other.join(
      untold.source,
      sinkOf(untold, () => undefined),
    );
    next.takeOver(member, true);
    rig.loop.leave(group, member);
    rig.loop.addBehind(other, next);
    rig.settle();
    expect([...untold.view.routes.keys()]).to.deep.equal([FIRST]);
  });

  it('End-of-RIB comes after it', () => {
    const { rig, source, group } = halfTold();
    rig.settle();
    const late = rig.add('client');
    late.up();
    const order: string[] = [];
    const own = sinkOf(late, () => order.push('End-of-RIB'));
    const member = group.join(late.source, {
      ...own,
      send: (bytes, messages) => (order.push('routes'), own.send(bytes, messages)),
      isComplete: () => false,
    });
    rig.loop.addBehind(group, member);
    rig.settle();
    order.length = 0;
    announce(source, SECOND);
    for (let slices = 0; !group.isSending && slices < 10; slices++) rig.runSlice();
    member.complete();
    expect(order).to.deep.equal(['routes', 'End-of-RIB']);
  });
});
