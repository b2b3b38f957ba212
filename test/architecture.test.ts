import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import ts from 'typescript';

const LIB = resolve(dirname(fileURLToPath(import.meta.url)), '../lib');

const SESSION_TYPES = 'bgp/session/types';
const WIRE = 'bgp/wire';

/** What each layer may import: layers, or single files of one. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  net: [],
  'bgp/wire': ['net'],
  'bgp/fsm': ['net', WIRE, SESSION_TYPES],
  'bgp/session': ['net', WIRE, 'bgp/fsm'],
  bgp: ['net', WIRE, 'bgp/fsm', 'bgp/session'],
  rib: ['net', WIRE],
  policy: ['net', WIRE, 'rib'],
  rr: ['net', WIRE, 'rib', 'policy'],
  fib: ['net'],
  io: ['net', 'fib', SESSION_TYPES],
  mrt: ['net', WIRE],
  pcap: ['net', WIRE],
  speaker: ['net', 'bgp', WIRE, 'bgp/fsm', 'bgp/session', 'rib', 'policy', 'rr', 'fib', 'io'],
  sim: ['net', WIRE, SESSION_TYPES, 'rib', 'fib', 'speaker'],
  record: ['net', WIRE, 'bgp/session', 'rib', 'fib', 'io', 'speaker'],
  api: ['net', WIRE, 'io', 'speaker'],
  cli: [
    'net',
    'bgp',
    WIRE,
    'bgp/fsm',
    'bgp/session',
    'rib',
    'policy',
    'rr',
    'fib',
    'io',
    'sim',
    'mrt',
    'pcap',
    'speaker',
    'record',
    'api',
    '',
  ],
  /** lib/index.ts, the public face. */
  '': [
    'net',
    'bgp',
    WIRE,
    'bgp/fsm',
    'bgp/session',
    'rib',
    'policy',
    'rr',
    'fib',
    'io',
    'sim',
    'mrt',
    'pcap',
    'speaker',
    'api',
  ],
};

/** Only these layers touch the system. */
const SYSTEM_MODULES =
  /^node:(net|fs|fs\/promises|child_process|timers|timers\/promises|dgram|http|https|http2|tls|dns|os|process|readline|worker_threads|cluster)$/;
const MAY_TOUCH_SYSTEM = ['io', 'cli'];

interface Import {
  /** Relative to lib/, without suffix. */
  readonly file: string;
  readonly target: string;
  /** Run at load time, or only for types, or on demand. */
  readonly module: boolean;
}

function sources(folder = LIB): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function nameOf(path: string): string {
  return relative(LIB, path)
    .split(sep)
    .join('/')
    .replace(/\.[jt]s$/, '');
}

/** All imports of a file: static, `export … from`, `import type`, `import()` and `import('…').Type`. */
function importsOf(path: string): Import[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest));
  return found.map((text) => ({
    file: nameOf(path),
    target: text.startsWith('.') ? nameOf(resolve(dirname(path), text)) : text,
    module: !text.startsWith('.'),
  }));
}

function layerOf(file: string): string {
  const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '';
  const layers = Object.keys(MAY_IMPORT).filter(
    (layer) => layer !== '' && (folder === layer || folder.startsWith(`${layer}/`)),
  );
  return layers.sort((a, b) => b.length - a.length)[0] ?? '';
}

describe('architecture', () => {
  const files = sources();
  const imports = files.flatMap(importsOf);

  it('every folder of lib is a layer', () => {
    const folders = [
      ...new Set(
        files
          .map(nameOf)
          .filter((name) => name.includes('/'))
          .map((name) => name.split('/')[0]!),
      ),
    ];
    expect(folders.filter((folder) => !Object.hasOwn(MAY_IMPORT, folder))).to.deep.equal([]);
  });

  it('imports go one way', () => {
    const wrong = imports
      .filter(({ module }) => !module)
      .filter(({ file, target }) => {
        const [from, to] = [layerOf(file), layerOf(target)];
        return from !== to && !MAY_IMPORT[from]!.includes(to) && !MAY_IMPORT[from]!.includes(target);
      })
      .map(({ file, target }) => `lib/${file}.ts imports lib/${target}.ts`);
    expect(wrong).to.deep.equal([]);
  });

  it('only io and cli touch the system', () => {
    const wrong = imports
      .filter(
        ({ file, target, module }) =>
          module && SYSTEM_MODULES.test(target) && !MAY_TOUCH_SYSTEM.includes(layerOf(file)),
      )
      .map(({ file, target }) => `lib/${file}.ts imports ${target}`);
    expect(wrong).to.deep.equal([]);
  });

  it('relative imports name their suffix and an existing file', () => {
    const known = new Set(files.map(nameOf));
    const wrong = imports
      .filter(({ target, module }) => !module && !known.has(target))
      .map(({ file, target }) => `lib/${file}.ts: ${target}`);
    expect(wrong).to.deep.equal([]);
  });

  it('nothing imports itself in a circle, not even for a type', () => {
    expect(cycles(imports)).to.deep.equal([]);
  });

  it('would notice a circle', () => {
    const edge = (file: string, target: string): Import => ({ file, target, module: false });
    expect(cycles([edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('a', 'd')])).to.deep.equal([
      'a -> b -> c -> a',
    ]);
  });
});

/** One line for each file from which a path leads back to a file on that path. */
function cycles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { file, target, module } of imports) if (!module) next.set(file, [...(next.get(file) ?? []), target]);
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  return found;
}
