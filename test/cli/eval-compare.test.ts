/** `fungi eval compare` from end to end. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => (workspace = await Workspace.create()));
afterAll(() => workspace.remove());

const DATA = ['--train', '@train.jsonl', '--test', '@test.jsonl', '-k', '3'];

it('prints a verdict, a row for each selector, and what the data are like', async () => {
  const { code, stdout, stderr } = await workspace.fungi([
    ...[
      'eval',
      'compare',
      ...DATA,
      '--encoder',
      'MODEL',
      '--selectors',
      'random,fixed,bm25,embedding,mmr:embedding,kl',
    ],
  ]);
  expect(stderr.includes('error')).toBe(false);
  expect(code).toBe(0);
  const [first, , head, ...rows] = stdout.split('\n');
  expect(first).toMatch(/^(?:Use|Stay with) .*on these 6 queries/);
  // The test file is a part of the training file.
  expect(first).toContain('6 of the queries are in the pool');
  expect(head).toMatch(/^selector +accuracy % +95 % +gain/);
  expect(rows.slice(0, 6).map((row) => row.split(' ')[0])).toEqual([
    'random',
    'fixed',
    'bm25',
    'embedding',
    'mmr:embedding',
    'kl',
  ]);
  expect(stdout).toContain('accuracy without the 6 queries that are in the pool: random none left');
});

it('writes the report as JSON, the same again for the same data and settings', async () => {
  const run = async (file: string): Promise<Record<string, unknown>> => {
    const argv = [
      'eval',
      'compare',
      ...DATA,
      '--encoder',
      'MODEL',
      '--selectors',
      'bm25,embedding',
      '--seeds',
      '2',
      '--json',
      `@${file}`,
    ];
    expect((await workspace.fungi(argv)).code).toBe(0);
    return JSON.parse(await readFile(workspace.path(file), 'utf8')) as Record<string, unknown>;
  };
  const [a, b] = [await run('a.json'), await run('b.json')];
  expect(a).toMatchObject({
    baseline: 'embedding',
    seeds: 2,
    k: 3,
    queries: 6,
    leaked: 6,
    encoder: { pooling: 'mean' },
  });
  expect(a['fingerprint']).toBe(b['fingerprint']);
  const shares = (report: Record<string, unknown>): unknown[] =>
    (report['summary'] as object[]).map((summary) => ({ ...summary, secondsPerQuery: 0 }));
  expect(shares(a)).toEqual(shares(b));
});

it('needs no model for selectors without features', async () => {
  const { code, json } = await workspace.fungi(['eval', 'compare', ...DATA, '--encoder', 'no/such-model', '--selectors', 'random,bm25', '--json']); // prettier-ignore
  expect(code).toBe(0);
  expect(json()).toMatchObject({ baseline: 'random', encoder: null });
});

it('takes a program, and fails with its words', async () => {
  const script = `const l=require('fs').readFileSync(0,'utf8').trim().split(String.fromCharCode(10)).map(JSON.parse);for(const q of l.filter(x=>x.type==='query'))console.log(JSON.stringify({query:q.query,rows:[0]}))`;
  const good = await workspace.fungi(['eval', 'compare', ...DATA, '--selectors', 'random', '--selector', `mine=node -e "${script}"`, '--json']); // prettier-ignore
  expect(good.code).toBe(0);
  expect((good.json() as { summary: { selector: string }[] }).summary.map(({ selector }) => selector)).toEqual([
    'random',
    'mine',
  ]);
  const bad = await workspace.fungi([
    'eval',
    'compare',
    ...DATA,
    '--selectors',
    'random',
    '--selector',
    'mine=echo out of order >&2; exit 4',
  ]);
  expect(bad.code).toBe(3);
  expect(bad.stderr).toMatch(/error \[INVALID_DATA\]: selector "mine" .*ended with code 4: out of order/);
});

it.each([
  [['--selectors', 'random,nearest'], /INVALID_ARGUMENT\]: "nearest" is not a selector/],
  [['--selectors', 'random', '--baseline', 'kl'], /INVALID_ARGUMENT\]: baseline "kl" is not compared/],
])('refuses %j', async (argv, message) => {
  const { code, stderr } = await workspace.fungi(['eval', 'compare', ...DATA, ...argv]);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
