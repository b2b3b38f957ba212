import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Program } from '../cli/process.js';

/** Each example and what must be in its output. One that is not in this list fails the test. */
const EXPECTED: Readonly<Record<string, { args: string[]; says: (string | RegExp)[] }>> = {
  'decode-a-message.ts': {
    args: [],
    says: ['NEXT_HOP 192.0.2.11', "COMMUNITIES [ '64512:100' ]", 'NLRI 10.244.1.0/26', 'broken: treat-as-withdraw'],
  },
  'open-a-session.ts': {
    args: [],
    says: ['OpenConfirm -> Established', 'established: hold time 90 s', /^route .*10, 245/m, 'seen enough'],
  },
  'announce-a-prefix.ts': {
    args: [],
    says: ['MED 10 64513:100', 'MED 20 64513:100 64513:200', 'the router has nothing'],
  },
  // All that docs/migration.md shows of its output; what it leaves out begins with an ellipsis.
  'check-a-migration.ts': {
    args: [],
    says: [
      ...readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8').matchAll(/```\n(1\. make[^]*?)```/g),
    ]
      .flatMap(([, output]) => output!.trim().split('\n'))
      .map((line) => line.replace(/…$/, ''))
      .concat('No packet is lost on the way.'),
  },
  'watch-routes.ts': {
    args: [],
    says: [/"prefix":"10\.244\.3\.0\/26".*"communities":\["64512:3"\]/, /"10\.244\.1\.0\/26","nextHop":null/],
  },
  'route-reflector.ts': {
    args: ['--port', '0', '--exit-when-converged'],
    says: [
      'reflector | session with 127.0.0.2 is up',
      'host-a    | learnt 10.244.3.0/26 via 192.0.2.3 (ORIGINATOR_ID 127.0.0.3, CLUSTER_LIST 10.0.0.1)',
      /host-c {4}\| ip route add 10\.244\.2\.64\/26 .*via 192\.0\.2\.2/,
      /host-b {4}\| ip -6 route add fd00:10:244:4::\/122 .*via (inet6 )?2001:db8::4/,
      'Each of the 3 hosts holds all 9 blocks.',
    ],
  },
  'fib-to-kernel.ts': {
    args: ['--print'],
    says: [
      'ip route add blackhole 10.244.0.0/16 proto bgp metric 32',
      'ip route add 10.244.1.0/26 proto bgp metric 32',
      'ip route del 10.244.3.0/26',
    ],
  },
};

/** Examples that are tests themselves. */
const TESTS = ['embed-in-a-test.ts', 'simulate-a-network.ts'];

const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url));

describe('examples', function () {
  this.timeout(60_000);
  const programs: Program[] = [];
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.end();
  });

  function start(name: string, ...args: string[]): Program {
    const program = new Program(`examples/${name}`, ...args);
    programs.push(program);
    return program;
  }

  it('are all tested', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));
    expect([...Object.keys(EXPECTED), ...TESTS].sort()).to.deep.equal(files.sort());
  });

  for (const [name, { args, says }] of Object.entries(EXPECTED)) {
    it(`${name} runs to its end`, async () => {
      const program = start(name, ...args);
      expect(await program.ended, program.err).to.equal(0);
      for (const text of says) {
        if (typeof text === 'string') expect(program.out).to.include(text);
        else expect(program.out).to.match(text);
      }
    });
  }

  it('route-reflector.ts stays up, serves its API, and Ctrl-C ends it cleanly', async () => {
    const program = start('route-reflector.ts', '--port', '0', '--api', '0');
    await program.says('Ctrl-C ends.');
    const api = /--api (\S+)/.exec(program.out)![1]!;
    const neighbors = (await (await fetch(`${api}/v1/neighbors`)).json()) as { address: string; state: string }[];
    expect(neighbors.map(({ address, state }) => `${address} ${state}`)).to.have.members([
      '127.0.0.2 Established',
      '127.0.0.3 Established',
      '127.0.0.4 Established',
    ]);
    program.signal('SIGINT');
    expect(await program.ended).to.equal(0);
  });

  it('route-reflector.ts says what to do when its port is taken', async () => {
    const first = start('route-reflector.ts', '--port', '0', '--api', '0');
    await first.says('Ctrl-C ends.');
    const port = /listening on 127\.0\.0\.1 port (\d+)/.exec(first.out)![1]!;
    const second = start('route-reflector.ts', '--port', port);
    expect(await second.ended).to.equal(1);
    expect(second.err).to.match(/Is another speaker running\? Try: npm start -- --port/);
  });
});
