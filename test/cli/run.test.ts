import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { serveApi } from '../../lib/api/index.js';
import { FakeSpeaker, pathView } from '../api/fake-speaker.js';
import { tsbgp } from './capture.js';
import { Workbench } from './workbench.js';

describe('tsbgp', () => {
  const bench = new Workbench();
  const { file, start } = bench;

  describe('check', () => {
    it('says that a file is right', async () => {
      const path = file(
        'ok.yaml',
        'asn: 64512\nrouterId: 10.0.0.1\nneighbors: [{ address: 10.0.0.2, peerAs: 64512 }]\nnetworks: [10.0.0.0/8]\n',
      );
      expect(await tsbgp('check', path)).to.deep.equal({
        code: 0,
        out: `${path}: ok: AS 64512, router ID 10.0.0.1, 1 neighbor, 1 network\n`,
        err: '',
      });
    });

    it('warns of eBGP neighbors without a policy (RFC 8212)', async () => {
      const path = file('open.yaml', 'asn: 64512\nrouterId: 10.0.0.1\nneighbors: [{ address: 10.0.0.2, peerAs: 1 }]\n');
      const { code, err } = await tsbgp('check', path);
      expect({ code, err }).to.deep.equal({
        code: 0,
        err: `${path}: warning: neighbor 10.0.0.2: eBGP without an import policy or export policy (RFC 8212): every route is accepted, every route is announced\n`,
      });
    });

    it('says all that is wrong, a line each, with exit code 1', async () => {
      const path = file('bad.yaml', 'asn: 0\nrouterId: 10.0.0.1\nneighbors: [{ address: 10.0.0.2 }]\nextra: 1\n');
      const { code, out, err } = await tsbgp('check', path);
      expect({ code, out }).to.deep.equal({ code: 1, out: '' });
      expect(err.trimEnd().split('\n')).to.deep.equal([
        `${path}:1:6: asn: found 0, expected an AS number, 1 to 4294967295`,
        `${path}:3:13: neighbors[0]: peerAs is missing`,
        `${path}:4:1: extra: unknown key`,
      ]);
    });

    it('says why a file cannot be read', async () => {
      expect(await tsbgp('check', join(bench.folder, 'none'))).to.include({
        code: 1,
        err: `${join(bench.folder, 'none')}: there is no such file\n`,
      });
      expect(await tsbgp('check', bench.folder)).to.include({ code: 1, err: `${bench.folder}: it is a directory\n` });
      writeFileSync(join(bench.folder, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
      expect((await tsbgp('check', join(bench.folder, 'binary'))).err).to.match(/not a UTF-8 text file/);
    });
  });

  it('is called wrongly: exit code 2 and a hint', async () => {
    expect(await tsbgp()).to.include({ code: 2, out: '' });
    expect((await tsbgp('shwo')).err).to.match(/unknown command 'shwo'[^]*show/);
    expect((await tsbgp('check')).code).to.equal(2);
    expect((await tsbgp('run', '-')).code).to.equal(2);
    expect(await tsbgp('--version')).to.deep.include({ code: 0 });
    expect((await tsbgp('--help')).out).to.include('announce');
  });

  it('run: from start to stop, SIGHUP applying only the difference', async function () {
    this.timeout(60_000);
    const config = (more: string): string =>
      `asn: 64512\nrouterId: 10.0.0.1\nlisten: [{ address: 127.0.0.1, port: 0 }]\napi: { listen: '127.0.0.1:0' }\n${more}`;
    const path = file('run.yaml', config('networks: [10.1.0.0/16]\n'));
    const program = start('run', path);
    await program.says('started: AS 64512, router ID 10.0.0.1; 0 neighbors; listening on 127.0.0.1:');
    expect(program.out).to.equal('');
    const api = /API at (\S+)/.exec(program.err)![1]!;
    const show = (...args: string[]): ReturnType<typeof tsbgp> => tsbgp('show', ...args, '--api', api);
    expect((await show('routes')).out).to.match(/^> {2}10\.1\.0\.0\/16 +self +local/m);

    writeFileSync(
      path,
      config(
        'networks: [10.2.0.0/16]\nneighbors: [{ address: 127.0.0.9, peerAs: 64512, port: 1, description: rack }]\n',
      ),
    );
    program.signal('SIGHUP');
    await program.says(
      'reconfigured: neighbors added: 127.0.0.9; networks added: 10.2.0.0/16; networks removed: 10.1.0.0/16',
    );
    expect((await show('neighbors')).out).to.include('127.0.0.9');
    await program.says(/neighbor 127\.0\.0\.9 \(rack\): .*refused/);

    writeFileSync(path, config('neighbors: [{ address: 127.0.0.9 }]\n'));
    program.signal('SIGHUP');
    await program.says('reconfigured: nothing, the old configuration stays');
    expect(program.err).to.include(`${path}:5:13: neighbors[0]: peerAs is missing`);
    expect((await show('neighbors')).out).to.include('127.0.0.9');

    writeFileSync(path, config('').replace('10.0.0.1', '10.0.0.2'));
    program.signal('SIGHUP');
    await program.says('only a restart changes routerId: left as before');
    program.signal('SIGTERM');
    expect(await program.ended).to.equal(0);
    expect(program.err).to.match(/SIGTERM: stopping\n.* stopped\n$/);
  });

  it('run: a wrong file, or an address that is taken, starts nothing', async function () {
    this.timeout(60_000);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const head = 'asn: 64512\nrouterId: 10.0.0.1\n';
    const cases: [string, RegExp][] = [
      [`${head}neighbours: []\n`, /unknown key; did you mean 'neighbors'\?/],
      [`${head}listen: [{ address: 127.0.0.1, port: ${port} }]\n`, /EADDRINUSE|in use/],
      [`${head}api: { listen: '127.0.0.1:${port}' }\n`, /the API cannot listen on 127\.0\.0\.1 port/],
    ];
    try {
      for (const [i, [text, message]] of cases.entries()) {
        const program = start('run', file(`bad${i}.yaml`, text));
        expect(await program.ended).to.equal(1);
        expect(program.err).to.match(message);
        expect(program.err).to.not.match(/^\s+at /m);
      }
    } finally {
      other.close();
    }
  });

  it('a reader that leaves (| head) is no failure', async function () {
    this.timeout(60_000);
    const speaker = new FakeSpeaker();
    speaker.routes = function* (family) {
      for (let i = 0; family === 'ipv4-unicast' && i < 100_000; i++)
        yield pathView(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`);
    };
    const server = await serveApi(speaker, '127.0.0.1:0');
    const program = start('show', 'routes', '--api', server.url);
    await program.says('10.0.0.0/32');
    program.child.stdout!.destroy();
    expect(await program.ended).to.equal(0);
    expect(program.err.replace(/npm warn.*\n/g, '')).to.equal('');
    await server.close();
  });
});
