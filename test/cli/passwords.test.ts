import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { TcpTransport } from '../../lib/io/tcp.js';
import { Secret } from '../../lib/net/index.js';
import { tsbgp } from './capture.js';
import { Workbench } from './workbench.js';

const HUSH = 'hush-hush';

/** In a process that begins with it, the package koffi is not installed. */
const WITHOUT_KOFFI = `
import Module from 'node:module';
const resolve = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  if (name !== 'koffi') return resolve.call(this, name, ...rest);
  process.stderr.write('koffi is asked for\\n');
  throw Object.assign(new Error("Cannot find module 'koffi'"), { code: 'MODULE_NOT_FOUND' });
};`;

describe('tsbgp: passwords', function () {
  this.timeout(60_000);
  const { file, start } = new Workbench();
  const environment = { NODE_OPTIONS: process.env['NODE_OPTIONS'], DEBUG: process.env['DEBUG'] };

  afterEach(() => {
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  const config = (settings: string, listen = '{ address: 127.0.0.1, port: 0 }'): string =>
    file(
      'tsbgp.yaml',
      `asn: 64512\nrouterId: 10.0.0.1\nlisten: [${listen}]\nneighbors:\n  - { address: 127.0.0.2, peerAs: 64512, ${settings} }\n`,
    );

  for (const [key, settings, what] of [
    ['password', `password: ${HUSH}`, 'TCP MD5'],
    ['ttlSecurity', 'ttlSecurity: 1', 'GTSM'],
    ['dscp', 'dscp: 46', 'DSCP'],
  ] as const) {
    it(`${key} without koffi: check says so, and run does not start`, async () => {
      process.env['NODE_OPTIONS'] = `--import=${file('without.mjs', WITHOUT_KOFFI)}`;
      const path = config(settings);
      for (const command of ['check', 'run']) {
        const program = start(command, path);
        expect(await program.ended).to.equal(1);
        const reason = 'cannot be set: the optional package koffi is not installed';
        expect(program.err).to.match(new RegExp(`^${path}:5:\\d+: neighbors\\[0\\]\\.${key}: ${what} ${reason}$`, 'm'));
        expect(program.out + program.err).to.not.include(HUSH);
      }
    });
  }

  it('fib.type netlink without koffi: check says so, and run does not start', async () => {
    process.env['NODE_OPTIONS'] = `--import=${file('without.mjs', WITHOUT_KOFFI)}`;
    const path = file('tsbgp.yaml', 'asn: 64512\nrouterId: 10.0.0.1\nlisten: []\nfib: { type: netlink }\n');
    for (const command of ['check', 'run']) {
      const program = start(command, path);
      expect(await program.ended).to.equal(1);
      expect(program.err).to.match(
        /:4:\d+: fib\.type: netlink cannot be had: the optional package koffi is not installed$/m,
      );
    }
  });

  it('everything else works without koffi, and does not even look for it', async () => {
    process.env['NODE_OPTIONS'] = `--import=${file('without.mjs', WITHOUT_KOFFI)}`;
    const program = start('run', config('passive: true'));
    await program.says('started:');
    program.signal('SIGTERM');
    expect(await program.ended).to.equal(0);
    expect(program.err).to.not.include('koffi');
  });

  it('check names a file that cannot be read, and no password', async () => {
    const path = config('passwordFile: /nonexistent/key');
    const { code, err } = await tsbgp('check', path);
    expect(code).to.equal(1);
    expect(err).to.include('neighbors[0].passwordFile: /nonexistent/key: there is no such file');
    const bad = await tsbgp('check', config(`password: ${HUSH.repeat(10)}`));
    expect(bad.code).to.equal(1);
    expect(bad.err).to.include('90 octets long').and.not.include(HUSH);
  });

  it('nothing that a running speaker says shows one, not even to DEBUG', async function () {
    if (new TcpTransport().whyNot({ md5Key: new Secret('k') }) !== undefined) this.skip();
    process.env['DEBUG'] = '*';
    const key = file('key', `${HUSH}\n`);
    const path = file(
      'tsbgp.yaml',
      `asn: 64512
routerId: 10.0.0.1
listen: [{ address: 127.0.0.1, port: 0 }]
api: { listen: 127.0.0.1:0 }
peerGroups: { g: { peerAs: 64512, password: ${HUSH} } }
neighbors:
  - { address: 127.0.0.2, peerAs: 64512, password: ${HUSH}, connectRetry: 0.2 }
  - { address: 127.0.0.3, peerAs: 64512, passwordFile: ${key}, connectRetry: 0.2 }
dynamicNeighbors: [{ prefix: 127.0.1.0/24, peerGroup: g }]
`,
    );
    expect((await tsbgp('check', path)).out)
      .to.include('ok')
      .and.not.include(HUSH);
    const program = start('run', path);
    await program.says(/API at (http:\S+)/);
    const api = /API at (http:\S+)/.exec(program.err)![1]!;
    const shown = await Promise.all([
      tsbgp('show', 'neighbors', '--json', '--api', api),
      tsbgp('show', 'neighbor', '127.0.0.3', '--api', api),
      tsbgp('show', 'summary', '--json', '--api', api),
    ]);
    expect(shown[1].out).to.match(/Protection: +TCP MD5/);
    program.signal('SIGHUP');
    await program.says('reconfigured: nothing changed');
    const plans = [await tsbgp('check', '--against', api, path)];
    writeFileSync(key, 'another one\n');
    plans.push(await tsbgp('check', '--against', api, path));
    expect(plans.map(({ code, out }) => [code, out])).to.deep.equal([
      [0, 'nothing would change\n'],
      [3, '! neighbor 127.0.0.3: reset: passwordFile\nno session would end\n'],
    ]);
    program.signal('SIGHUP');
    await program.says('sessions reset: 127.0.0.3');
    program.signal('SIGTERM');
    expect(await program.ended).to.equal(0);
    for (const text of [
      program.out,
      program.err,
      ...plans.map(({ out }) => out),
      ...shown.map(({ out, err }) => out + err),
    ]) {
      expect(text).to.not.include(HUSH);
      expect(text).to.not.include(Buffer.from(HUSH).toString('hex'));
    }
  });
});
