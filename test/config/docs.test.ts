import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { createApi } from '../../lib/api/index.js';
import { WELL_KNOWN_COMMUNITIES } from '../../lib/bgp/wire/communities.js';
import { buildProgram } from '../../lib/cli/program.js';
import { POLICY_KEYS } from '../../lib/speaker/config-policy-schema.js';
import { configKeys, PEER_SETTINGS } from '../../lib/speaker/config-schema.js';
import { parseConfig } from '../../lib/speaker/config-text.js';
import { defaultSendHoldTime, PEER_DEFAULTS } from '../../lib/speaker/settings.js';
import type { Command } from 'commander';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** The rows of a document's tables: first cell without backticks, and the others. */
function rows(text: string): Map<string, string[]> {
  const lines = text.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    lines.map((line) => {
      const [, first, ...rest] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [first!.replaceAll('`', ''), rest.slice(0, -1)];
    }),
  );
}

describe('docs/configuration.md', () => {
  const text = read('docs/configuration.md');
  const documented = rows(text.slice(0, text.indexOf('## SIGHUP')));

  it('has a row for every key, and none for keys that do not exist', () => {
    // Settings of a neighbor are told once, for both places.
    const settings = Object.keys(PEER_SETTINGS);
    const expected = configKeys().flatMap((key) => {
      const setting = /^(?:peerGroups\.\*|neighbors\[\])\.([\w.]+)$/.exec(key)?.[1];
      return setting !== undefined && settings.includes(setting.split('.')[0]!) ? [setting] : [key];
    });
    expect([...documented.keys()].sort()).to.deep.equal([...new Set(expected)].sort());
  });

  it('has the defaults of the code', () => {
    for (const [key, value] of Object.entries(PEER_DEFAULTS)) {
      if (value === null || key === 'families') continue;
      expect(documented.get(key)?.[1]?.replaceAll('`', ''), key).to.match(new RegExp(`^${String(value)}\\b`));
    }
    expect(defaultSendHoldTime(90)).to.equal(480);
    expect(documented.get('sendHoldTime')?.[1]).to.include('480');
  });

  it('names all well-known communities', () => {
    for (const name of Object.keys(WELL_KNOWN_COMMUNITIES)) expect(text).to.include(`\`${name}\``);
  });

  it('has an example that is right', () => {
    const example = /```yaml\n([^]*?)```/.exec(text)![1]!;
    expect(parseConfig(example, 'example').neighbors).to.have.length(1);
  });
});

describe('docs/policy.md', () => {
  const text = read('docs/policy.md');

  it('has a row for every condition and action', () => {
    const documented = [...rows(text).keys()];
    const { conditions, asPath, actions } = POLICY_KEYS;
    const expected = [...conditions, ...asPath.map((key) => `asPath.${key}`), ...actions];
    expect([...new Set(documented)].sort()).to.deep.equal([...new Set(expected)].sort());
  });

  it('has examples that are right', () => {
    const examples = [...text.matchAll(/```yaml\n([^]*?)```/g)];
    expect(examples).to.have.length(6);
    for (const [, example] of examples) parseConfig(example!, 'example');
  });
});

describe('docs/fib.md', () => {
  const text = read('docs/fib.md');

  it('has a row for everything that a policy says of kernel routes', () => {
    const documented = [...rows(text).keys()].filter((key) => POLICY_KEYS.kernelRoute.includes(key));
    expect(documented.sort()).to.deep.equal([...POLICY_KEYS.kernelRoute].sort());
  });

  it('has an example that is right', () => {
    const examples = [...text.matchAll(/```yaml\n(asn[^]*?)```/g)];
    expect(examples).to.have.length(1);
    for (const [, example] of examples) parseConfig(example!, 'example');
  });
});

describe('docs/cli.md', () => {
  it('has every command and option', () => {
    const text = read('docs/cli.md');
    const visit = (command: Command, path: string): void => {
      if (command.commands.length === 0)
        expect(text, path).to.match(new RegExp(path.replace('tsbgp ', 'tsbgp (\\w+ \\| )*')));
      for (const { long } of command.options) expect(text, `${path} ${long}`).to.include(long!);
      for (const inner of command.commands) visit(inner, `${path} ${inner.name()}`);
    };
    visit(buildProgram({ result: () => Promise.resolve(), message: () => undefined }), 'tsbgp');
  });
});

describe('docs/api.md', () => {
  it('has every path', () => {
    const documented = [...rows(read('docs/api.md')).keys()].filter((key) => /^(GET|POST) /.test(key));
    const served = createApi({} as never, { monitor: {} as never })
      .routes.filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replace(':address', 'ADDRESS').replace(/:prefix\{.*\}/, 'PREFIX')}`);
    expect(documented.sort()).to.deep.equal(served.sort());
  });
});

describe('documents', () => {
  const files = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(new URL('docs/', ROOT))
      .filter((f) => f.endsWith('.md'))
      .map((f) => `docs/${f}`),
  ];

  for (const file of files) {
    it(`${file} links only to what exists`, () => {
      for (const [, target] of read(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^(https?|mailto):/.test(target!)) continue;
        const [path, anchor] = target!.split('#') as [string, string | undefined];
        const at = new URL(path === '' ? file.split('/').at(-1)! : path, new URL(file, ROOT));
        const content = path.endsWith('/') ? '' : readFileSync(at, 'utf8');
        if (anchor !== undefined) {
          const headings = [...content.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
            title!
              .toLowerCase()
              .replace(/[^\w\- ]/g, '')
              .replaceAll(' ', '-'),
          );
          expect(headings, `${file}: ${target}`).to.include(anchor);
        }
      }
    });
  }

  for (const document of ['README.md', 'docs/migration.md']) {
    it(`${document} shows code that is in an example, which is run by the tests`, () => showsExamples(document));
  }

  function showsExamples(document: string): void {
    const blocks = [...read(document).matchAll(/```ts\n\/\/ (examples\/\S+\.ts)\n([^]*?)```/g)];
    expect(blocks).to.not.be.empty;
    expect([...read(document).matchAll(/```ts\n/g)]).to.have.length(blocks.length);
    const plain = (code: string): string =>
      code.replace(
        /'\.\.\/lib\/(\w+\/)?index\.js'/g,
        (_, layer?: string) => `'tsbgp${layer ? `/${layer.slice(0, -1)}` : ''}'`,
      );
    for (const [, file, code] of blocks) {
      const lines = plain(read(file!))
        .split('\n')
        .map((line) => line.trim());
      let from = 0;
      for (const line of code!.split('\n').map((text) => text.trim())) {
        if (line === '' || line === '…') continue;
        const at = lines.indexOf(line, from);
        expect(at, `${file}: ${line}`).to.be.at.least(0);
        from = at + 1;
      }
    }
  }
});
