import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { sizeOf } from '../../lib/cli/recording.js';
import { until } from '../io/until.js';
import { tsbgp } from './capture.js';
import { Workbench } from './workbench.js';

describe('tsbgp run --record, tsbgp replay', () => {
  const bench = new Workbench();

  const config = (more = ''): string =>
    `asn: 64512\nrouterId: 10.0.0.1\nlisten: [{ address: 127.0.0.1, port: 0 }]\napi: { listen: '127.0.0.1:0' }\n${more}`;

  it('from start to SIGKILL: the same table again', async function () {
    this.timeout(60_000);
    const path = bench.file('run.yaml', config('networks: [10.1.0.0/16]\n'));
    const recording = join(bench.folder, 'run.rec');
    const program = bench.start('run', path, '--record', recording, '--record-limit', '1MB');
    await program.says(`recording to ${recording}`);
    await program.says('API at http://');
    const api = /API at (\S+)/.exec(program.err)![1]!;
    expect((await tsbgp('announce', '10.2.0.0/16', '--med', '5', '--api', api)).code).to.equal(0);
    writeFileSync(path, config('networks: [10.1.0.0/16, 10.3.0.0/16]\n'));
    program.signal('SIGHUP');
    await program.says('networks added: 10.3.0.0/16');
    // The line is printed before the decision process has run.
    let shown = '';
    while (!shown.includes('10.3.0.0/16')) shown = (await tsbgp('show', 'routes', '--api', api)).out;
    // Until what happened is in the file.
    await until(() => readFileSync(recording, 'latin1').includes('reconfigure'));
    program.signal('SIGKILL');
    await program.ended;

    const { code, out, err } = await tsbgp('replay', recording);
    expect({ code, out }).to.deep.equal({ code: 0, out: shown });
    expect(err).to.match(/run\.rec: AS 64512, router ID 10\.0\.0\.1, recorded by tsbgp \S+ from \S+Z to \S+Z\n/);
    expect(err).to.match(/^0 messages in \d+ events; \d+ checkpoints? (is|are) right; the file ends here/m);

    const changes = await tsbgp('replay', recording, '--changes', '--show', 'none');
    expect(changes.out).to.match(
      /^ {2}10\.2\.0\.0\/16: none -> local: the first usable path \[announce 10\.2\.0\.0\/16\]$/m,
    );
    const lines = (await tsbgp('replay', recording, '--json', '--show', 'summary')).out.trimEnd().split('\n');
    const [summary, end] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(summary).to.include({ type: 'summary', asn: 64512 });
    expect(end).to.include({ type: 'end', end: 'open', messages: 0 });
    expect((await tsbgp('replay', recording, '--show', '10.2.0.0/16')).out).to.include('10.2.0.0/16');
    expect((await tsbgp('decode', recording)).code).to.equal(0);
    // Nobody else is to read it, and it is not written over.
    expect(statSync(recording).mode & 0o077).to.equal(0);
    const size = statSync(recording).size;
    const again = bench.start('run', path, '--record', recording);
    await again.says(`the recording that was there is now ${recording}.1`);
    await again.says('started');
    again.signal('SIGTERM');
    expect(await again.ended).to.equal(0);
    expect(statSync(`${recording}.1`).size).to.equal(size);
    expect((await tsbgp('replay', recording, '--show', 'none')).err).to.include('the speaker stopped here');
  });

  it('says what is wrong with its arguments', async () => {
    const path = bench.file('run.yaml', config());
    const recording = bench.file('text.rec', 'something else\n');
    const lines: [string[], number, RegExp][] = [
      [['run', path, '--record-limit', '1MB'], 2, /--record-limit: without --record/],
      [['run', path, '--record', join(bench.folder, 'r'), '--record-limit', 'much'], 2, /found much, expected a size/],
      [['run', path, '--record', join(bench.folder, 'none', 'r')], 1, /there is no such file or directory/],
      [['run', path, '--record', bench.folder], 1, /not a file/],
      [['replay', recording], 1, /text\.rec: not a recording of tsbgp/],
      [['replay', join(bench.folder, 'none')], 1, /there is no such file/],
      [['replay', recording, '--until', 'noon'], 2, /--until: found noon/],
      [['replay', recording, '--show', 'all'], 2, /--show: found all/],
    ];
    for (const [args, code, message] of lines) {
      const ran = await tsbgp(...args);
      expect([args.join(' '), ran.code]).to.deep.equal([args.join(' '), code]);
      expect(ran.err).to.match(message);
    }
    expect(existsSync(join(bench.folder, 'r'))).to.equal(false);
  });

  it('sizes', () => {
    expect(['500MB', '2 GiB', '100kB', '70000', '1.5m'].map(sizeOf)).to.deep.equal([5e8, 2 ** 31, 1e5, 70000, 1.5e6]);
    for (const wrong of ['', '5XB', '-1MB', '1kB']) expect(() => sizeOf(wrong)).to.throw(/--record-limit/);
  });
});
