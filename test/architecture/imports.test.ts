/** The folders of src form a data flow; this is who may import whom (docs/ARCHITECTURE.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../../src', import.meta.url).pathname;

const ENGINE = ['core', 'onnx', 'runtime', 'encoders', 'views', 'losses'];
const FEATURES = [...ENGINE, 'engine', 'reduce'];
const SELECTOR = [...FEATURES, 'auto', 'features', 'store', 'retrieve', 'policies', 'health', 'prompt', 'llm'];

/** Folder → folders it may import; `.` is src itself (the public entry). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  onnx: ['core'],
  runtime: ['core', 'onnx'],
  encoders: ['core', 'onnx', 'runtime'],
  views: ['core'],
  losses: ['core', 'onnx'],
  tfjs: ['core', 'onnx', 'runtime'],
  engine: [...ENGINE, 'tfjs'],
  reduce: ['core', 'runtime'],
  auto: ['core', 'runtime', 'reduce', 'policies'],
  features: FEATURES,
  store: ['core'],
  retrieve: ['core', 'onnx', 'runtime', 'store'],
  policies: ['core', 'retrieve', 'prompt'],
  health: ['core', 'retrieve'],
  prompt: ['core'],
  llm: ['core', 'prompt'],
  selector: SELECTOR,
  eval: [...SELECTOR, 'selector'],
  adapters: ['core', 'store', 'prompt', 'llm', 'selector'],
  workers: [...SELECTOR, 'selector'],
  server: [...SELECTOR, 'selector', 'workers', 'adapters'],
  cli: [...SELECTOR, 'selector', 'eval', 'server'],
  testing: ['core', 'store', 'prompt', 'llm', 'encoders', 'engine'],
  '.': SELECTOR.concat('selector', 'eval'),
};

/** Packages that one folder alone may touch: everything else speaks to them through it. */
const OWNED_PACKAGES: Record<string, string> = {
  'onnxruntime-node': 'runtime',
  '@bufbuild/protobuf': 'onnx',
  '@tensorflow/tfjs-core': 'tfjs',
  '@tensorflow/tfjs-layers': 'tfjs',
  '@tensorflow/tfjs-backend-cpu': 'tfjs',
  '@lancedb/lancedb': 'store',
  'apache-arrow': 'store',
  '@huggingface/transformers': 'encoders',
  '@audio/decode-flac': 'encoders',
  '@audio/decode-mp3': 'encoders',
  '@audio/decode-opus': 'encoders',
  '@audio/decode-vorbis': 'encoders',
  '@audio/decode-wav': 'encoders',
  openai: 'llm',
  liquidjs: 'prompt',
  commander: 'cli',
  minisearch: 'policies',
  hyparquet: 'eval',
  'hyparquet-compressors': 'eval',
  '@observablehq/plot': 'eval',
  linkedom: 'eval',
  'munkres-algorithm': 'eval',
  'umap-js': 'eval',
  '@ai-sdk/provider': 'adapters',
  '@langchain/core': 'adapters',
  langchain: 'adapters',
  '@opentelemetry/api': 'server',
  express: 'server',
  'express-rate-limit': 'server',
  helmet: 'server',
  pino: 'server',
  'prom-client': 'server',
};

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(SRC, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/g)];
  return specifiers.map((match) => ({ file, folder: folderOf(file), target: match[1] ?? match[2] ?? '' }));
});

function folderOf(file: string): string {
  const [first] = file.split('/');
  return file.includes('/') ? first! : '.';
}

/** Path under src that a relative import means, or undefined for a package. */
function resolved({ file, target }: Import): string | undefined {
  return target.startsWith('.')
    ? relative(SRC, resolve(SRC, dirname(file), target)).replace(/\.js$/, '.ts')
    : undefined;
}

describe('imports', () => {
  it('reads the sources', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('follow the table', () => {
    const breaches = imports.flatMap((one) => {
      const path = resolved(one);
      if (path === undefined || path.startsWith('..')) return [];
      const to = folderOf(path);
      return to === one.folder || MAY_IMPORT[one.folder]?.includes(to) === true ? [] : [`${one.file} → ${path}`];
    });
    expect(breaches).toEqual([]);
  });

  it('are allowed as the document says', () => {
    const text = readFileSync(new URL('../../docs/ARCHITECTURE.md', import.meta.url), 'utf8');
    const [, table] = /\n\| folder +\| holds +\| may import +\|\n\|[- |]+\|\n((?:\|.*\n)+)/.exec(text)!;
    const rows = table!
      .trim()
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map(([, folder, , allowed]) => [folder!.replaceAll('`', ''), allowed!] as const);
    const named = (allowed: string): string[] => (allowed === 'nothing' ? [] : allowed.split(', ').sort());
    const held = Object.entries(MAY_IMPORT).map(([folder, allowed]) => [folder, [...allowed].sort()]);
    expect(Object.fromEntries(rows.map(([folder, allowed]) => [folder, named(allowed)]))).toEqual(
      Object.fromEntries(held),
    );
    expect(
      readdirSync(SRC)
        .map((name) => (name === 'index.ts' ? '.' : name))
        .sort(),
    ).toEqual(rows.map(([folder]) => folder).sort());
  });

  it('touch a native or third-party interface in one folder only', () => {
    const owner = (target: string): string | undefined =>
      Object.entries(OWNED_PACKAGES).find(([name]) => target === name || target.startsWith(`${name}/`))?.[1];
    const breaches = imports.filter(({ folder, target }) => (owner(target) ?? folder) !== folder);
    expect(breaches).toEqual([]);
  });

  it('have no cycles', () => {
    const graph = new Map(files.map((file) => [file, [] as string[]]));
    for (const one of imports) {
      const path = resolved(one);
      if (path !== undefined) graph.get(one.file)?.push(path);
    }
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      const at = trail.indexOf(file);
      if (at !== -1) cycles.push([...trail.slice(at), file].join(' → '));
      if (at !== -1 || done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe('files', () => {
  it('have at most 400 lines, and none is a catch-all', () => {
    const generated = (file: string): boolean => file.startsWith('onnx/proto/');
    const long = files.filter((f) => !generated(f) && readFileSync(join(SRC, f), 'utf8').split('\n').length > 401);
    expect(long).toEqual([]);
    expect(files.filter((f) => /(^|\/)(utils?|helpers?|misc)\.ts$/.test(f))).toEqual([]);
  });

  it('read the environment in one place', () => {
    const readers = files.filter((f) => readFileSync(join(SRC, f), 'utf8').includes('process.env'));
    expect(readers).toEqual(['core/config.ts']);
  });
});
