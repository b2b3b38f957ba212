import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { runProgram } from '../../lib/cli/program.js';
import type { Report } from '../../lib/cli/simulate/run.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/cut-a-link.yaml', import.meta.url));

describe('tsbgp simulate', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'tsbgp-'))));
  after(() => rm(folder, { recursive: true }));

  async function simulate(file: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    let [out, err] = ['', ''];
    const code = await runProgram(['simulate', file, ...args], {
      result: (text) => {
        out += text;
        return Promise.resolve();
      },
      message: (line) => (err += `${line}\n`),
    });
    return { code, out, err };
  }

  async function scenario(text: string, ...args: string[]): ReturnType<typeof simulate> {
    const file = join(folder, 's.yaml');
    await writeFile(file, text);
    const done = await simulate(file, ...args);
    return { ...done, err: done.err.replaceAll(`${folder}/`, '') };
  }

  it('runs the example, the same each time', async () => {
    const page = join(folder, 'page.html');
    const first = await simulate(EXAMPLE, '--html', page);
    expect(first.code).to.equal(0);
    expect(first.out).to.include('two reflectors, three clients (seed 7)');
    expect(first.out).to.match(/✓ pod-c2 reaches pod-c3 by c2 → c3\n.*✓ c1 reaches server/);
    expect(first.out).to.include('9 held, 0 failed');
    expect((await simulate(EXAMPLE)).out).to.equal(first.out);
    const html = await readFile(page, 'utf8');
    expect(html.match(/<svg/g)).to.have.length(3);
    // Nothing is loaded from anywhere.
    expect(html).to.not.match(/<script|<link|src=|href=|url\(|@import/);
    expect(html).to.include('edge (AS 65001)').and.to.include('edge–c1 is cut');
  });

  it('reports as JSON; sessions end when a router crashes', async () => {
    const { code, out } = await simulate(EXAMPLE, '--json', '--seed', '8');
    expect(code).to.equal(0);
    const report = JSON.parse(out) as Report;
    expect(report).to.deep.include({ seed: 8, ok: true, violations: [] });
    const pair = report.sessions.find(({ between }) => between.join() === 'rr1,rr2')!;
    expect(pair.up).to.have.length(2);
    expect(pair.up[0]![1]).to.be.lessThan(2);
    expect(report.routes['c1']!.at(-1)![1]).to.equal(4);
  });

  it('exit code 1, and what is so instead, when something expected is not so', async () => {
    const { code, out } = await scenario(`
seed: 5
routers: { a: { networks: [10.1.0.0/24] }, b: }
peers: [{ between: [a, b] }]
steps:
  - best: { router: b, prefix: 10.1.0.0/24, is: { med: 7 } }
  - { at: 3, withdraw: { router: a, prefix: 10.1.0.0/24 } }
  - routes: { router: b, are: [10.1.0.0/24] }
`);
    expect(code).to.equal(1);
    expect(out).to.match(/✗ b: 10\.1\.0\.0\/24 should have med 7, not null: .*\[seed 5, at 1\.\d+ s\]/);
    expect(out)
      .to.include('✗ b: Loc-RIB is without 10.1.0.0/24')
      .and.to.include('1 held, 2 failed')
      .and.to.include('FAILED');
  });

  it('says where a file is wrong, and what was expected', async () => {
    const { code, err } = await scenario(`
routers:
  a: { networcs: [] }
  b: { config: { clusterID: 1.2.3.4 } }
steps:
  - { at: -1, crash: a }
`);
    expect(code).to.equal(1);
    expect(err.trim().split('\n')).to.deep.equal([
      "s.yaml:3:8: routers.a.networcs: unknown key; did you mean 'networks'?",
      's.yaml:6:11: steps[0].at: found -1, expected seconds, 0 or more',
    ]);
  });

  it('checks the configuration of speakers, the names of steps, and their order', async () => {
    const { err } = await scenario(`
routers:
  a:
  b: { config: { clusterID: 1.2.3.4 } }
peers:
  - { between: [a, b], first: { holdTime: 2 } }
steps:
  - crash: c
  - best: { router: d, prefix: 10.0.0.0/8, is: null }
`);
    expect(err.trim().split('\n')).to.deep.equal([
      "s.yaml:4:18: routers.b.config.clusterID: unknown key; did you mean 'clusterId'?",
      's.yaml:6:43: peers[0].first.holdTime: found 2, expected 0 or 3 to 65535 (seconds); 1 and 2 are not allowed (RFC 4271 section 4.2)',
      's.yaml:8:12: steps[0].crash: there is no router c',
      's.yaml:9:21: steps[1].best.router: there is no router d',
    ]);
    const second = await scenario(
      'routers: { a: }\nsteps:\n  - { at: 5, crash: a }\n  - { at: 4, start: a }\n  - at: 9\n',
    );
    expect(second.err).to.include('s.yaml:4:11: steps[1].at: found 4, expected 5 or later: steps stand in order');
    expect(second.err).to.include('s.yaml:5:5: steps[2]: found nothing, expected one of announce, ');
    expect((await scenario('title: x\n')).err).to.include('no routers: expected routers, or network.builder');
    expect((await scenario('routers: { a: }\n', '--seed', 'x')).code).to.equal(2);
  });
});
