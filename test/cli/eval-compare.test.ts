/** `fungi eval compare` from end to end. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import type { QueryChoices } from '../../src/eval/compare/query-choices.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';

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
  const [first, , settings, head, ...rows] = stdout.split('\n');
  expect(settings).toMatch(/: k = 3, gain over embedding, 12 pool rows, 6 queries, 2 labels, 1 seed$/);
  expect(first).toMatch(/^(?:Use|Stay with) .*on these 6 queries/);
  // The test file is a part of the training file.
  expect(first).toContain('6 of the 6 queries (100.0 %) are also in the pool');
  expect(head).toMatch(/^selector +accuracy % +95 % +gain/);
  expect(rows.slice(0, 6).map((row) => row.split(' ')[0])).toEqual([
    'random',
    'fixed',
    'bm25',
    'embedding',
    'mmr:embedding',
    'kl',
  ]);
  expect(stdout).toContain('accuracy % without the queries that are in the pool: random none left');
});

it('writes the report as JSON, the same again for the same data and settings', async () => {
  const run = async (file: string, ...more: string[]): Promise<Record<string, unknown>> => {
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
      ...more,
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
    selectors: ['bm25', 'embedding'],
    dims: 512,
    spec: { losses: [] },
    data: { train: 12, test: 6, unknownLabel: 0 },
    verdict: expect.stringMatching(/^(?:Use|Stay with) /) as string,
  });
  expect(a['fingerprint']).toBe(b['fingerprint']);
  // Another engine rounds otherwise, which may turn a tie.
  expect((await run('c.json', '--engine', 'tfjs'))['fingerprint']).not.toBe(a['fingerprint']);
  // What was chosen, for programs: BM25 by no seed, and the vote is right as often as the summary says.
  const answers = a['answers'] as QueryChoices[];
  expect(answers.map(({ query, choices }) => [query, choices.map(({ selector, seed }) => `${selector} ${seed}`)])[5]).toEqual([5, ['bm25 0', 'embedding 0', 'bm25 1', 'embedding 1']]); // prettier-ignore
  expect(answers.map(({ choices }) => choices[0]!.rows)).toEqual(answers.map(({ choices }) => choices[2]!.rows));
  const right = answers.filter(({ label, choices }) => choices[1]!.vote === label).length;
  expect(right / 6).toBe((a['summary'] as { accuracy: number }[])[1]!.accuracy);
  const shares = (report: Record<string, unknown>): unknown[] =>
    (report['summary'] as object[]).map((summary) => ({ ...summary, secondsPerQuery: 0, seconds: 0 }));
  expect(shares(a)).toEqual(shares(b));
});

it('needs no model for selectors without features', async () => {
  const { code, json } = await workspace.fungi(['eval', 'compare', ...DATA, '--encoder', 'no/such-model', '--selectors', 'random,bm25', '--json']); // prettier-ignore
  expect(code).toBe(0);
  expect(json()).toMatchObject({ baseline: 'random', encoder: null, spec: null, dims: null });
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
  [['--selectors', 'random', '--baseline', 'kl'], /INVALID_ARGUMENT\]: the baseline "kl" is not compared/],
  [['--selectors', 'random,random'], /INVALID_ARGUMENT\]: selector "random" is given twice/],
])('refuses %j before anything is read', async (argv, message) => {
  const { code, stderr } = await workspace.fungi(['eval', 'compare', ...DATA, '--train', '@absent.jsonl', ...argv]);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

it('times features by themselves, or not at all', async () => {
  const argv = ['eval', 'compare', ...DATA, '--encoder', 'MODEL', '--selectors', 'embedding,mmr:kl', '--json'];
  const costs = async (...more: string[]): Promise<(number | null)[]> => {
    const { json } = await workspace.fungi([...argv, ...more]);
    return (json() as { summary: { secondsPerQuery: number | null }[] }).summary.map((each) => each.secondsPerQuery);
  };
  for (const cost of await costs()) expect(cost).toBeGreaterThan(0);
  expect(await costs('--throughput-texts', '0')).toEqual([null, null]);
});

it('says where a selector found nothing, and counts labels that the pool lacks', async () => {
  const rows = [
    { text: 'zebra', label: 'zebra' },
    { text: 'cat zebra', label: 'cat' },
  ];
  await workspace.write({ 'odd.jsonl': jsonl(rows) });
  const argv = ['eval', 'compare', '--train', '@train.jsonl', '--test', '@odd.jsonl', '--selectors', 'bm25,random'];
  const { code, stdout } = await workspace.fungi(argv);
  expect(code).toBe(0);
  expect(stdout).toContain('queries for which nothing was chosen: bm25 1');
  expect(stdout).toContain('1 test row with a label that no training row has');
  expect(stdout).toMatch(/on these 2 queries .* None of the queries is in the pool\.\n/);
});

it('makes the curve of the first rows of each label, the same under every seed, where that is asked for', async () => {
  const argv = [
    'eval',
    'compare',
    ...DATA,
    '--encoder',
    'MODEL',
    '--selectors',
    'embedding',
    '--seeds',
    '4',
    '-k',
    '1',
  ];
  const { code, json } = await workspace.fungi([...argv, '--shots', '1', '--sampling', 'first', '--json', '-q']);
  expect(code).toBe(0);
  expect(json()).toMatchObject({ sampling: 'first' });
  const { curve } = json() as { curve: { whole: boolean; seeds: { accuracy: number }[] }[] };
  const accuracies = curve.find(({ whole }) => !whole)!.seeds.map(({ accuracy }) => accuracy);
  expect(accuracies).toEqual(Array<number>(4).fill(accuracies[0]!));
});

it('gives a curve over pools of few examples, and a page', async () => {
  const argv = [
    ...['eval', 'compare', ...DATA, '--encoder', 'MODEL', '--selectors', 'random,embedding,kl'],
    '--seeds',
    '2',
  ];
  const outcome = await workspace.fungi([...argv, '--shots', '1,2', '--report', '@page', '--json', '@curve.json']);
  expect({ code: outcome.code, stdout: outcome.stdout.includes('gain over embedding') }).toEqual({
    code: 0,
    stdout: true,
  });
  expect(outcome.stderr).toContain(`report: ${workspace.path('page', 'report.html')}`);
  const { curve, summary } = JSON.parse(await readFile(workspace.path('curve.json'), 'utf8')) as {
    curve: { selector: string; shots: number; whole: boolean; accuracy: number; seeds: object[] }[];
    summary: { selector: string; accuracy: number }[];
  };
  expect(curve.map(({ selector, shots, whole, seeds }) => [selector, shots, whole, seeds.length])).toEqual(
    ['random', 'embedding', 'kl'].flatMap((name) => [
      [name, 1, false, 2],
      [name, 2, false, 2],
      [name, 6, true, 2],
    ]),
  );
  // Where the pool was whole, the curve ends at the figures of the summary.
  for (const { selector, accuracy } of curve.filter(({ whole }) => whole)) {
    expect(accuracy).toBe(summary.find((each) => each.selector === selector)!.accuracy);
  }
  const page = await readFile(workspace.path('page', 'report.html'), 'utf8');
  expect(page).toContain('the cat sat');
  expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  const model = JSON.parse(await readFile(workspace.path('page', 'report.json'), 'utf8')) as {
    method: { command: string };
    curve: unknown;
    map: unknown;
  };
  expect(model.curve).toEqual(curve);
  expect(model.method.command).toContain(' eval compare --train ');
  expect(await readFile(workspace.path('page', 'report.md'), 'utf8')).toContain('embedding');
});

it('warns of texts that the encoder cut', async () => {
  const text = Array.from({ length: 300 }, () => 'cat').join(' ');
  await workspace.write({ 'long.jsonl': jsonl([...EXAMPLES, { text, label: 'cat' }]) });
  const argv = ['eval', 'compare', '--train', '@long.jsonl', '--test', '@test.jsonl', '--encoder', 'MODEL', '-k', '3'];
  const { code, stderr, json } = await workspace.fungi([...argv, '--selectors', 'bm25,embedding', '--json']);
  expect(code).toBe(0);
  expect(stderr).toContain('longer than the encoder reads, their ends not seen: 1 training row and 0 of 6 test rows');
  expect(json()).toMatchObject({ truncated: { train: 1, test: 0 } });
});

it('shows the table when the page cannot be written', async () => {
  await workspace.write({ 'file.txt': 'not a folder' });
  const argv = ['eval', 'compare', ...DATA, '--selectors', 'bm25', '--report', '@file.txt'];
  const { code, stderr } = await workspace.fungi(argv);
  expect(code).toBe(5);
  expect(stderr).toContain('STORAGE_FAILED');
  expect(stderr).toContain('hint: Give --report a folder');
});

it('says of every answer and row of the pool where it stands in its file, and on the page what was compared', async () => {
  const argv = [
    'eval',
    'compare',
    '--train',
    '@train.jsonl',
    '--split',
    '0.4',
    '--limit-train',
    '6',
    '--limit-test',
    '3',
  ];
  const more = ['--selectors', 'random,bm25', '-k', '2', '--json', '@where.json', '--report', '@where'];
  expect((await workspace.fungi([...argv, ...more])).code).toBe(0);
  const { answers, poolRows } = JSON.parse(await readFile(workspace.path('where.json'), 'utf8')) as {
    answers: QueryChoices[];
    poolRows: string[];
  };
  const line = (where: string): number => {
    const [file, number] = where.split(/:(?=\d+$)/);
    expect(file).toBe(workspace.path('train.jsonl'));
    return Number(number);
  };
  expect([answers.length, poolRows.length]).toEqual([3, 6]);
  for (const { text, label, where } of answers) expect(EXAMPLES[line(where!) - 1]).toMatchObject({ text, label });
  expect(new Set([...poolRows, ...answers.map(({ where }) => where!)].map(line)).size).toBe(9);
  // A vote is that of the rows where the file has them.
  const labels = poolRows.map((where) => EXAMPLES[line(where) - 1]!.label);
  for (const { rows, vote } of answers.flatMap(({ choices }) => choices)) {
    if (vote !== null) expect(rows.map((row) => labels[row])).toContain(vote);
  }
  const markdown = await readFile(workspace.path('where', 'report.md'), 'utf8');
  expect(markdown).toMatch(/^\| queries \| held out of [^|]*\/train\.jsonl: 3 rows \|$/m);
  expect(markdown).toMatch(/^\| split \| 40\.0 % of the texts held out/m);
  expect(markdown).toMatch(/^\| limit of the pool \| 6 rows at most/m);
  // Nothing was computed by an encoder.
  expect(markdown).toMatch(/^\| versions \| fungi-icl [\d.]+, node [\d.]+ \|$/m);
});

it('counts one as one', async () => {
  await workspace.write({ 'one.jsonl': jsonl(EXAMPLES.slice(0, 1)) });
  const argv = ['eval', 'compare', '--train', '@train.jsonl', '--test', '@one.jsonl', '--selectors', 'random,bm25'];
  const { stdout } = await workspace.fungi(argv);
  expect(stdout).toContain('12 pool rows, 1 query, 2 labels');
  expect(stdout).toContain('1 test text is in the training set');
  expect(stdout).not.toMatch(/\b1 (?:queries|rows|texts|labels)\b/);
});
