import { spawnSync } from 'node:child_process';
import { eventually } from './harness/eventually.js';
import { ip, run } from './harness/run.js';

let made = 0;

/** A network namespace with eth0 (10.0.0.1/24, 2001:db8::1/64) and eth1 (10.0.1.1/24), made for one test. */
export class FibNamespace {
  readonly #removeAtExit = (): void => void spawnSync('ip', ['netns', 'del', this.name]);

  private constructor(readonly name: string) {}

  /** @param linkLocal false: no IPv6 link-local addresses, and none that come when a link is set up again */
  static async create(name = `tsbgp-${process.pid}-fib${++made}`, linkLocal = true): Promise<FibNamespace> {
    const ns = new FibNamespace(name);
    process.on('exit', ns.#removeAtExit);
    const devices = ['eth0', 'eth0p', 'eth1', 'eth1p'];
    await run('ip', ['netns', 'add', ns.name]);
    // Without this the link-local addresses come after a second or two.
    const settings = ['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0'];
    await run('ip', ['netns', 'exec', ns.name, 'sysctl', '-qw', ...settings]);
    await ns.ip(
      'link set lo up',
      'link add eth0 type veth peer name eth0p',
      'link add eth1 type veth peer name eth1p',
      ...devices.flatMap((device) => [
        ...(linkLocal ? [] : [`link set ${device} addrgenmode none`]),
        `link set ${device} up`,
      ]),
      'addr add 10.0.0.1/24 dev eth0',
      'addr add 10.0.1.1/24 dev eth1',
      'addr add 2001:db8::1/64 dev eth0 nodad',
    );
    // The kernel makes its own IPv6 routes a little later, which must not look like changes of a test.
    const own = [
      /^local 2001:db8::1 dev eth0 /m,
      ...devices.flatMap((device) => [
        new RegExp(`ff00::/8 dev ${device} `),
        ...(linkLocal ? [new RegExp(`^local fe80:\\S+ dev ${device} `, 'm')] : []),
      ]),
    ];
    await eventually(() => run('ip', ['-n', ns.name, '-6', 'route', 'show', 'table', 'local']), {
      what: `the kernel's own routes in ${ns.name}`,
      until: (text) => own.every((route) => route.test(text)),
      everyMs: 10,
    });
    return ns;
  }

  /** Run `ip` commands. @throws Error when one fails */
  async ip(...lines: string[]): Promise<void> {
    await ip(lines, this.name);
  }

  /** `10.1.0.0/16 via 10.0.0.2 dev eth0` of each route of a protocol, as `ip` words it, sorted. */
  async routes(protocol = '186', table = 'main'): Promise<string[]> {
    const lines: string[] = [];
    for (const family of ['-4', '-6']) {
      const args = ['-n', this.name, '-o', family, 'route', 'show', 'table', table, 'proto', protocol];
      const text = await run('ip', args).catch(() => '');
      lines.push(
        ...text.split('\n').map((line) =>
          line
            .replace(/ pref medium/, '')
            .replace(/\s+/g, ' ')
            .trim(),
        ),
      );
    }
    return lines.filter((line) => line !== '').sort();
  }

  /** All routes of all tables but those of a protocol, for before and after. */
  async others(protocol = '186'): Promise<string[]> {
    const text = await run('ip', ['-n', this.name, '-N', '-o', 'route', 'show', 'table', 'all']);
    return text
      .split('\n')
      .filter((line) => !line.includes(`proto ${protocol} `))
      .sort();
  }

  /** Process ids in this namespace's name: `ip -n NAME …` started by us. */
  async pids(match: RegExp): Promise<number[]> {
    const text = await run('ps', ['-eo', 'pid=,args=']);
    const lines = text.split('\n').filter((line) => line.includes(`ip -n ${this.name} `) && match.test(line));
    return lines.map((line) => Number.parseInt(line.trim(), 10));
  }

  async remove(): Promise<void> {
    process.off('exit', this.#removeAtExit);
    await run('ip', ['netns', 'del', this.name]);
  }
}
