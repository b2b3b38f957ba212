import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { runProgram } from '../../../lib/cli/program.js';
import { detectFormat } from '../../../lib/cli/codec/detect.js';
import { LineSplitter } from '../../../lib/cli/codec/lines.js';
import { fromHex } from '../../../lib/bgp/wire/index.js';
import { ethernet, packet, pcap, pcapng } from '../../pcap/frames.js';

const KEEPALIVE = 'ffffffffffffffffffffffffffffffff001304';
const keepalive = fromHex(KEEPALIVE)!;

describe('tsbgp decode and encode', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsbgp-codec-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(name: string, content: string | Uint8Array): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Run a command in this process. */
  async function run(...args: readonly string[]) {
    const results: string[] = [];
    const messages: string[] = [];
    const status = await runProgram(args, {
      result: (text) => {
        results.push(text);
        return Promise.resolve();
      },
      message: (line) => void messages.push(line),
    });
    const output = results.join('');
    return { status, output, lines: output.split('\n').slice(0, -1), messages: messages.join('\n') };
  }

  async function decode(...args: readonly string[]) {
    const { status, lines } = await run('decode', ...args);
    expect(status).to.equal(0);
    return lines.map((line) => JSON.parse(line) as { [key: string]: unknown });
  }

  describe('hex lines', () => {
    it('one object for each line that is neither blank nor a comment', async () => {
      const text = `# comment\n\n${KEEPALIVE}\n  0xFF:FF ffffffffffffffffffffffffffff 00 13 04\r\nnot hex\nabc\n0x\n${KEEPALIVE}`;
      expect(await decode(file('lines', text))).to.deep.equal([
        { line: 3, type: 'KEEPALIVE', length: 19 },
        { line: 4, type: 'KEEPALIVE', length: 19 },
        { line: 5, type: 'INVALID', reason: "'n' is not a hex digit" },
        { line: 6, type: 'INVALID', reason: 'odd number of hex digits (3)' },
        { line: 7, type: 'INVALID', reason: 'no hex digits' },
        { line: 8, type: 'KEEPALIVE', length: 19 },
      ]);
    });

    it('a line of megabytes is refused, and the next one answered', async () => {
      const objects = await decode(file('long', `${'f'.repeat(3_000_000)}\n${KEEPALIVE}\n`));
      expect(objects).to.deep.equal([
        { line: 1, type: 'INVALID', reason: 'line of 3000000 characters' },
        { line: 2, type: 'KEEPALIVE', length: 19 },
      ]);
    });

    it('options: AS width, ADD-PATH, length limit, kind of peer', async () => {
      const two = 'ffffffffffffffffffffffffffffffff002d0200000012400101004002040201fc01400304c633640118cb0071';
      const paths = 'ffffffffffffffffffffffffffffffff001f02000800000007 18cb0071 0000'.replaceAll(' ', '');
      const lines = file('options', `${two}\n${paths}\n`);
      const [plain] = await decode(lines);
      expect(plain!['error']).to.have.property('attribute', 2);
      const [asTwo] = await decode('--as2', lines);
      expect(asTwo!['error']).to.equal(undefined);
      const [, withPath] = await decode('--add-path', '1/1,2/1', lines);
      expect(withPath!['withdrawn']).to.deep.equal([{ path_id: 7, prefix: '203.0.113.0/24' }]);
      const [, all] = await decode('--as4', '--add-path', 'all', '--json', lines);
      expect(all!['withdrawn']).to.deep.equal([{ path_id: 7, prefix: '203.0.113.0/24' }]);
      const [internal] = await decode('--as2', '--peer-type', 'ibgp', '--extended-message', lines);
      expect(internal!['error']).to.have.property('attribute', 5);
    });
  });

  it('raw messages back to back, with their offset; what is none is told and passed over', async () => {
    const junk = new Uint8Array(40).fill(7);
    const content = Buffer.concat([keepalive, keepalive, junk, keepalive, keepalive.subarray(0, 10)]);
    const objects = await decode(file('raw', content));
    expect(objects.map(({ offset, type }) => [offset, type])).to.deep.equal([
      [0, 'KEEPALIVE'],
      [19, 'KEEPALIVE'],
      [38, 'UNKNOWN'],
      [78, 'KEEPALIVE'],
      [97, 'UNKNOWN'],
    ]);
  });

  it('captures and archives, compressed or not', async () => {
    const frames = [ethernet(packet(1, keepalive))];
    const session = `${'0000fc01'.repeat(2)}00000001${'c0000201'.repeat(2)}`;
    const mrt = fromHex(`6553f1000010000400000027${session}${KEEPALIVE}`)!;
    const contents: [string, Uint8Array][] = [
      ['pcap', pcap(frames)],
      ['pcapng', pcapng(frames)],
      ['mrt', mrt],
    ];
    for (const [name, content] of contents) {
      const plain = await decode(file(name, content));
      expect(plain, name).to.have.length(1);
      expect(plain[0]!['type']).to.equal(name === 'mrt' ? 'MRT' : 'KEEPALIVE');
      expect(await decode(file(`${name}.gz`, gzipSync(content)))).to.deep.equal(plain);
    }
    const bzip2 =
      '425a6839314159265359cc2e03a10000065180001040040644908020002190320400c2a832d9416e9c079af177245385090cc2e03a10';
    // "hello, hello …": text, so taken for hex lines.
    const objects = await decode(file('hello.bz2', fromHex(bzip2)!));
    expect(objects).to.deep.equal([{ line: 1, type: 'INVALID', reason: "'h' is not a hex digit" }]);
  });

  it('the form can be told with --format', async () => {
    const path = file('forced', keepalive);
    expect(await decode('--format', 'bgp', path)).to.have.length(1);
    expect((await run('decode', '--format', 'pcap', path)).status).to.equal(1);
    expect((await decode('--format', 'mrt', path))[0]).to.have.property('error');
    expect((await decode('--format', 'hex', path))[0]).to.have.property('type', 'INVALID');
  });

  describe('exit status', () => {
    it('0 for anything that could be read, also nothing at all', async () => {
      expect(await run('decode', file('empty', ''))).to.include({ status: 0, output: '' });
      expect(await run('decode', file('bad', 'zz\n'))).to.include({ status: 0 });
    });

    it('1 when the input cannot be read, or is of no known form', async () => {
      expect(await run('decode', join(folder, 'missing'))).to.include({ status: 1, output: '' });
      expect(await run('decode', folder)).to.include({ status: 1 });
      expect(
        (
          await run(
            'decode',
            file(
              'elf',
              Uint8Array.from({ length: 64 }, (_, i) => 127 + i),
            ),
          )
        ).messages,
      ).to.match(/no known form/);
      const cut = await run('decode', file('cut.gz', gzipSync(keepalive).subarray(0, 25)));
      expect(cut.status).to.equal(1);
      expect(cut.messages).to.match(/cut\.gz: /);
    });

    it('2 for a wrong call', async () => {
      const path = file('some', `${KEEPALIVE}\n`);
      const wrong = [
        ['--format', 'xml'],
        ['--as2', '--as4'],
        ['--add-path', '1'],
        ['--add-path', '70000/1'],
        ['--peer-type', 'x'],
        ['--none'],
      ];
      for (const options of wrong)
        expect((await run('decode', ...options, path)).status, options.join(' ')).to.equal(2);
    });
  });

  describe('encode', () => {
    it('gives the octets of decode back, line for line', async () => {
      const lines = [KEEPALIVE, `${KEEPALIVE.slice(0, -2)}09`, 'ff', 'ffffffffffffffffffffffffffffffff0015030602'];
      const decoded = await run('decode', file('in', lines.join('\n')));
      const encoded = await run('encode', file('json', decoded.output));
      expect(encoded).to.deep.include({ status: 0, lines });
    });

    it('an empty line for what cannot be encoded, and why on stderr', async () => {
      const text = [
        '{"type":"KEEPALIVE"}',
        '',
        '# comment',
        '{',
        '[]',
        '7',
        '{"type":"OPEN"}',
        '{"type":"INVALID"}',
        '{"type":"KEEPALIVE"}',
      ];
      const { status, lines, messages } = await run('encode', file('wrong', text.join('\n')));
      expect(status).to.equal(0);
      expect(lines).to.deep.equal([KEEPALIVE, '', '', '', '', '', KEEPALIVE]);
      expect(messages).to.match(/^line 4: .*\nline 5: .*\nline 6: .*\nline 7: version: .*\nline 8: /);
    });

    it('usual flags and extended length by itself', async () => {
      const communities = Array.from({ length: 64 }, () => '64512:1');
      const update = {
        type: 'UPDATE',
        attributes: [
          { code: 1, value: 'EGP' },
          { code: 8, value: communities },
        ],
      };
      const { lines } = await run('encode', file('flags', JSON.stringify(update)));
      expect(lines[0]!.slice(38)).to.match(/^00000108 ?40010101d0080100fc000001/);
    });

    it('the message in an MRT record', async () => {
      const record = { type: 'MRT', mrt_type: 'BGP4MP', mrt_subtype: 'BGP4MP_MESSAGE', message: { type: 'KEEPALIVE' } };
      expect((await run('encode', file('mrt.json', JSON.stringify(record)))).lines).to.deep.equal([KEEPALIVE]);
    });
  });

  it('answers each line of a pipe as it comes, in both directions', async function () {
    this.timeout(60_000);
    for (const [command, input, answer] of [
      ['decode', KEEPALIVE, '{"line":1,"type":"KEEPALIVE","length":19}\n'],
      ['encode', '{"type":"KEEPALIVE"}', `${KEEPALIVE}\n`],
    ] as const) {
      const child = spawn(process.execPath, ['--import', 'tsx', 'lib/cli/main.ts', command, '-'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdin.write(`${input}\n`);
      const [first] = (await once(child.stdout, 'data')) as [Buffer];
      expect(first.toString()).to.equal(answer);
      child.stdin.end();
      const [status] = (await once(child, 'exit')) as [number];
      expect(status).to.equal(0);
    }
  });

  it('formats are told apart by their first octets', () => {
    const detect = (hex: string, ended = true) => detectFormat(fromHex(hex)!, ended);
    for (const magic of ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']) {
      expect(detect(magic + '00'.repeat(20))).to.equal('pcap');
    }
    expect(detect('ff'.repeat(16))).to.equal('bgp');
    expect(detect('ff'.repeat(9), false)).to.equal(undefined);
    expect(detect('6553f100001000040000')).to.equal('unknown');
    expect(detect('6553f100000d000100000000')).to.equal('mrt');
    expect(detect('30303030000d000100000000')).to.equal('mrt');
    expect(detect('6666', false)).to.equal(undefined);
    expect(detect('66660a', false)).to.equal('hex');
    expect(detect('')).to.equal('hex');
    expect(detect('00000000ffff000000000000')).to.equal('unknown');
  });

  it('lines are found however the input is cut', () => {
    const text = new TextEncoder().encode('one\r\n\ntwo\nlast');
    for (let size = 1; size <= text.length; size++) {
      const splitter = new LineSplitter(100);
      const lines = [];
      for (let at = 0; at < text.length; at += size) lines.push(...splitter.push(text.subarray(at, at + size)));
      lines.push(...splitter.end());
      expect(lines).to.deep.equal(['one', '', 'two', 'last']);
    }
  });
});
