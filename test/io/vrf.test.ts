import { expect } from 'chai';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFib } from '../../lib/io/create-fib.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';
import { vrfTable } from '../../lib/io/vrf.js';

/** What iproute2 prints of a VRF device, and of another one. */
const SCRIPT = `#!/bin/sh
case "$*" in
*'-n red -d -o link show dev blue'*) echo '7: blue: <NOARP,MASTER,UP> mtu 65575 qdisc noqueue state UP mode DEFAULT group default \\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 \\    vrf table 1100 addrgenmode eui64' ;;
*'-d -o link show dev blue'*) echo '5: blue: <NOARP,MASTER,UP> mtu 65575 \\    link/ether 02:00:00:00:00:02 \\    vrf table 100 addrgenmode eui64' ;;
*'dev eth1'*) echo '3: eth1@if4: <UP> mtu 1500 master blue \\    link/ether 02:00:00:00:00:03 \\    veth \\    vrf_slave table 100 addrgenmode eui64' ;;
*) echo 'Device "'"$6"'" does not exist.' >&2; exit 1 ;;
esac
`;

describe('the table of a VRF', () => {
  const { PATH } = process.env;
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'tsbgp-vrf-'));
    writeFileSync(join(directory, 'ip'), SCRIPT);
    chmodSync(join(directory, 'ip'), 0o755);
    process.env['PATH'] = `${directory}:${PATH}`;
  });
  after(() => {
    process.env['PATH'] = PATH;
    rmSync(directory, { recursive: true });
  });

  it('is what ip says, also in another namespace', () => {
    expect(vrfTable('blue')).to.equal(100);
    expect(vrfTable('blue', 'red')).to.equal(1100);
  });

  it('no device, or one that is no VRF, is told', () => {
    expect(() => vrfTable('green')).to.throw(/not a VRF: 'green' \(Device .* does not exist/);
    expect(() => vrfTable('eth1')).to.throw("not a VRF: 'eth1' (it is a device of another kind)");
    process.env['PATH'] = '/nowhere';
    expect(() => vrfTable('blue')).to.throw(/not a VRF: 'blue' \(.*ENOENT/);
    process.env['PATH'] = `${directory}:${PATH}`;
  });

  for (const type of ['ip-route', 'netlink'] as const) {
    it(`is what ${type} writes to, and next hops are looked up there alone`, async () => {
      const clock = new VirtualClock();
      const kernel = new FakeKernel();
      kernel.addLink('eth0', '10.0.0.1/24');
      kernel.addLink('eth1');
      kernel.put({ prefix: '10.0.1.0/24', device: 'eth1', table: 100, protocol: 2 });
      const fib = createFib({ type, vrf: 'blue' }, { clock, writer: kernel.writer() });
      const started = fib.start();
      await clock.runAsync(100);
      await started;
      fib.set('10.1.0.0/16', { nextHop: '10.0.1.2' });
      fib.set('10.2.0.0/16', { nextHop: '10.0.0.2' });
      await clock.runAsync(100);
      expect(kernel.dump(186, 100)).to.deep.equal(['10.1.0.0/16 via 10.0.1.2 dev eth1']);
      expect(fib.route('10.2.0.0/16')).to.include({ state: 'unresolved' });
      expect(kernel.dump(186)).to.deep.equal([]);
    });
  }
});
