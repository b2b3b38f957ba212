import { expect } from 'chai';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
});
