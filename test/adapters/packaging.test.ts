/** What package.json promises of the drop-ins. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const { exports, peerDependencies, peerDependenciesMeta, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as {
  exports: Record<string, string | { types: string; default: string }>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  dependencies: Record<string, string>;
};
const subpaths = Object.entries(exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [{ name, target }],
);

it.each(subpaths)('$name is a source file, under its types', ({ target }) => {
  expect(target.types).toBe(target.default.replace(/\.js$/, '.d.ts'));
  const source = target.default.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts');
  expect(existsSync(join(root, source))).toBe(true);
});

it('asks for no peer: each is optional, and no dependency', () => {
  for (const peer of Object.keys(peerDependencies)) {
    expect(peerDependenciesMeta[peer]).toEqual({ optional: true });
    expect(dependencies).not.toHaveProperty([peer]);
  }
});

describe('peers', () => {
  /** Packages that a file and what it imports of ours need when it runs. */
  function needed(file: string, seen = new Set<string>()): Set<string> {
    if (seen.has(file)) return new Set();
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    const statements = text.matchAll(/(?:^|\n)(?:import|export)(?! type\b)[^'"]*?from '([^']+)'|import\('([^']+)'\)/g);
    const packages = new Set<string>();
    for (const [, from, dynamic] of statements) {
      const target = (from ?? dynamic)!;
      if (!target.startsWith('.'))
        packages.add(
          target
            .split('/')
            .slice(0, target.startsWith('@') ? 2 : 1)
            .join('/'),
        );
      else for (const one of needed(join(file, '..', target.replace(/\.js$/, '.ts')), seen)) packages.add(one);
    }
    return packages;
  }
  /** Imported where they are there, and not missed where they are not. */
  const TRIED = /^@(tensorflow|opentelemetry)\//;
  const peersOf = (file: string): string[] =>
    [...needed(join(root, 'src', file))].filter((name) => name in peerDependencies && !TRIED.test(name)).sort();

  it.each([
    ['index.ts', []],
    ['eval/index.ts', []],
    ['cli/main.ts', []],
    ['testing/index.ts', []],
    ['adapters/few-shot.ts', []],
    ['adapters/ai-sdk/index.ts', []],
    ['adapters/express/index.ts', []],
    ['adapters/langchain/index.ts', ['@langchain/core']],
    ['adapters/langchain/agent.ts', ['@langchain/core', 'langchain']],
  ])('%s imports %j', (file, peers) => {
    expect(peersOf(file)).toEqual(peers);
  });

  it('of the types are named by none but langchain', () => {
    const files = readdirSync(join(root, 'src/adapters'), { recursive: true, encoding: 'utf8' });
    const declared = files.filter((file) => file.endsWith('.ts') && !file.startsWith('langchain/'));
    expect(declared.length).toBeGreaterThan(5);
    for (const file of declared) {
      expect(readFileSync(join(root, 'src/adapters', file), 'utf8')).not.toMatch(
        /from '(?:ai|@ai-sdk|express|langchain|@langchain)\b/,
      );
    }
  });
});

/** `npm test` builds first. */
describe.skipIf(!existsSync(join(root, 'dist/adapters')))('as built', () => {
  it.each([
    ['fungi-icl/ai-sdk', 'fungiEmbeddingModel,fungiMiddleware'],
    ['fungi-icl/express', 'fungiAnswer,fungiFewShot,fungiSelection'],
    [
      'fungi-icl/langchain',
      'FungiEmbeddings,FungiExampleSelector,FungiRetriever,SafeFewShotChatMessagePromptTemplate,SafeFewShotPromptTemplate',
    ],
    ['fungi-icl/langchain/agent', 'fungiAgentMiddleware'],
  ])('%s can be imported by its name', { timeout: 180_000 }, async (name, exported) => {
    const script = `console.log(Object.keys(await import('${name}')).sort().join())`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
    });
    expect(stdout.trim()).toBe(exported);
  });
});
