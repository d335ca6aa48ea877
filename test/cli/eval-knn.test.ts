import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const KNN = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl', '-k', '3'];

const fraction = z.number().min(0).max(1);
/** Names that other programs read: none may change. */
const fileJson = z.object({
  results: z.array(
    z.object({
      features: z.string(),
      shots: z.number().nullable(),
      seed: z.number(),
      n: z.number(),
      accuracy: fraction,
      low: fraction,
      high: fraction,
      seconds: z.number().nonnegative(),
    }),
  ),
  throughput: z.record(z.string(), z.number().positive()),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});

async function evaluate(...more: string[]): Promise<z.infer<typeof fileJson>> {
  const { code, stderr, json } = await workspace.fungi([...KNN, ...more, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return fileJson.parse(json());
}

/** Names and sizes. */
async function stateOf(folder: string): Promise<[string, number][]> {
  const names = await readdir(folder);
  expect(names.length).toBeGreaterThan(1);
  return Promise.all(names.sort().map(async (name) => [name, (await stat(join(folder, name))).size]));
}

describe('eval knn', () => {
  it('writes every feature set and seed to the file, and a table to stdout', async () => {
    const features = ['embedding', 'kl', 'simclr', 'kl+simclr', 'only:kl'];
    const argv = [
      ...KNN,
      '--features',
      features.join(','),
      '--seeds',
      '2',
      '--json',
      '@out/results.json',
      '--throughput-texts',
      '8',
    ];
    const { code, stdout } = await workspace.fungi(argv);
    expect(code).toBe(0);
    const file = fileJson.parse(JSON.parse(await readFile(workspace.path('out', 'results.json'), 'utf8')));
    expect(file.results.map(({ features: set, seed }) => [set, seed])).toEqual(
      [0, 1].flatMap((seed) => features.map((set) => [set, seed])),
    );
    expect(file.results.every(({ shots, n }) => shots === null && n === 6)).toBe(true);
    expect(file.results.every(({ accuracy, low, high }) => low <= accuracy && accuracy <= high)).toBe(true);
    expect(Object.keys(file.throughput)).toEqual(features);
    for (const set of features) expect(stdout).toMatch(new RegExp(`^${set.replace('+', '\\+')} +\\d+\\.\\d `, 'm'));
    expect(stdout).toContain('6 test texts are in the training set');
    expect(stdout).toContain('2 seeds');
    expect(stdout).toMatch(/^features +accuracy % +95 % +seeds +macro-F1 +gain +95 % +p +label hit +same label +dims/m);
    expect(stdout).toContain(
      'gain: over embedding, paired by test row; p: two-sided, corrected for the number of comparisons',
    );
    const last = stdout.trim().split('\n').at(-1);
    expect(last).toMatch(/^(?:Undecided: o|O)n these 6 test rows \S+ is (?:ahead of|right as often as) /);
  });

  it('has the same fingerprint and results for the same call, and another for other settings', async () => {
    const quick = ['--throughput-texts', '0', '--features', 'embedding'];
    const [first, again, other] = [
      await evaluate(...quick),
      await evaluate(...quick),
      await evaluate(...quick, '-k', '5'),
    ];
    const accuracies = (file: typeof first): number[] => file.results.map(({ accuracy }) => accuracy);
    expect(accuracies(again)).toEqual(accuracies(first));
    expect(again.fingerprint).toBe(first.fingerprint);
    expect(other.fingerprint).not.toBe(first.fingerprint);
    // Another engine rounds otherwise, which may turn a tie.
    expect((await evaluate(...quick, '--engine', 'tfjs')).fingerprint).not.toBe(first.fingerprint);
    expect(first.throughput).toEqual({});
  });

  it('draws shots for each seed and bounds the rows it takes', async () => {
    const { results } = await evaluate('--shots', '2', '--seeds', '2', '--limit-test', '4', '--throughput-texts', '0');
    expect(results.every(({ shots, n }) => shots === 2 && n === 4)).toBe(true);
    expect(results.every((row) => (row as { pool?: number }).pool !== 12)).toBe(true);
    const { stdout } = await workspace.fungi([
      ...KNN,
      '--shots',
      '2',
      '--limit-train',
      '10',
      '--throughput-texts',
      '0',
    ]);
    expect(stdout).toContain('10 training rows drawn with seed 0');
    expect(stdout).toContain('2 shots per-class (4 rows)');
  });

  it('takes the first rows of each class where that is asked for, and encodes no others', async () => {
    // The first of each class, and 58 more of both that are alike and longer than the encoder reads.
    const rows = Array.from({ length: 60 }, (_, i) => ({
      text: i < 2 ? ['the cat sat', 'the dog sat'][i]! : 'a b c d '.repeat(100),
      label: ['cat', 'dog'][i % 2]!,
    }));
    await workspace.write({ 'ordered.jsonl': jsonl(rows) });
    const argv = [
      'eval',
      'knn',
      '--encoder',
      'MODEL',
      '--train',
      '@ordered.jsonl',
      '--test',
      '@train.jsonl',
      '-k',
      '1',
    ];
    const more = ['--shots', '1', '--sampling', 'first', '--seeds', '3', '--features', 'embedding'];
    const { code, stderr, json } = await workspace.fungi([...argv, ...more, '--json', '-q']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(json()).toMatchObject({ sampling: 'first', truncated: { train: 0, test: 0 } });
    const { results } = json() as { results: { pool: number; accuracy: number }[] };
    expect(results.map(({ pool }) => pool)).toEqual([2, 2, 2]);
    expect(new Set(results.map(({ accuracy }) => accuracy)).size).toBe(1);
    const { stdout } = await workspace.fungi([...argv, ...more]);
    expect(stdout).toContain('60 training rows, 12 test rows, 1 shot first (2 rows)');
  });

  it('draws what is random from all training rows where few shots know them', async () => {
    const few = async (...more: string[]) => {
      const argv = [...KNN, '--shots', '1', '--features', 'embedding,kl', ...more, '--json', '-q'];
      const { code, json } = await workspace.fungi(argv);
      expect(code).toBe(0);
      return json() as { fingerprint: string; unlabelled?: boolean; results: { pool: number; dims: number }[] };
    };
    const [own, all] = [await few(), await few('--unlabelled')];
    expect([own.unlabelled, all.unlabelled]).toEqual([undefined, true]);
    const { stdout } = await workspace.fungi([...KNN, '--shots', '1', '--features', 'kl', '--unlabelled']);
    expect(stdout).toContain('1 shot per-class (2 rows, the others unlabelled)');
    expect(all.fingerprint).not.toBe(own.fingerprint);
    expect(all.results.map(({ pool }) => pool)).toEqual(own.results.map(({ pool }) => pool));
    // A landmark is a column of the features, and there are more of them than rows that vote.
    const [before, after] = [own, all].map(({ results }) => results.map(({ dims }) => dims));
    expect(after![0]).toBe(before![0]);
    expect(after![1]!).toBeGreaterThan(before![1]!);
  });

  it('gives a tied vote to the label that a list names first', async () => {
    await workspace.write({ 'dog-first.json': '["dog", "cat"]', 'cat-first.json': '["cat", "dog"]' });
    // Two rows vote, one of each label, so that every vote is tied.
    const run = async (ties: string): Promise<number> => {
      const { results } = await evaluate('--shots', '1', '--features', 'embedding', '-k', '2', '--ties', ties, '-q');
      return results[0]!.accuracy;
    };
    const dogs = EXAMPLES.filter((_, i) => i % 6 < 3).filter(({ label }) => label === 'dog').length / 6;
    expect(await run('@dog-first.json')).toBe(dogs);
    expect(await run('@cat-first.json')).toBe(1 - dogs);
  });

  it.each([
    ['["dog"]', 'INVALID_ARGUMENT', /lacks 1 of the training rows, among them "cat"/],
    ['["dog", "cat", "dog"]', 'INVALID_ARGUMENT', /names one twice/],
    ['{"dog": 0}', 'INVALID_ARGUMENT', /something else/],
    ['[]', 'INVALID_ARGUMENT', /something else/],
    ['[', 'INVALID_ARGUMENT', /name, nearest, or a JSON file/],
  ])('refuses %s as the order of labels', async (text, code, message) => {
    await workspace.write({ 'order.json': text });
    const { code: status, stderr } = await workspace.fungi([...KNN, '--ties', '@order.json']);
    expect(status).toBe(2);
    expect(stderr).toContain(code);
    expect(stderr).toMatch(message);
  });

  it('refuses a rule of ties that is neither a name nor a file', async () => {
    const { code, stderr } = await workspace.fungi([...KNN, '--ties', 'newest']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/It must be name, nearest, or a JSON file .*newest/);
  });

  it('gives a curve over numbers of shots in one run', async () => {
    const argv = [
      ...KNN,
      '--shots',
      '1,2,all',
      '--seeds',
      '2',
      '--throughput-texts',
      '0',
      '--features',
      'embedding,kl',
    ];
    const { stdout } = await workspace.fungi(argv);
    expect(stdout).toContain('1 shot per-class (2 rows), 2 shots per-class (4 rows)');
    for (const shots of ['1', '2', 'all']) expect(stdout).toMatch(new RegExp(`^kl +${shots} +\\d`, 'm'));
    const { results } = fileJson.parse((await workspace.fungi([...argv, '--json'])).json());
    expect(results.map(({ features, shots, seed }) => `${features} ${shots} ${seed}`)).toEqual(
      [1, 2, null].flatMap((shots) =>
        [0, 1].flatMap((seed) => ['embedding', 'kl'].map((set) => `${set} ${shots} ${seed}`)),
      ),
    );
    const refused = await workspace.fungi([...KNN, '--shots', '2,2']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('each once');
  });

  it('keeps features for the next evaluation, and makes them anew when told so', async () => {
    const argv = [...KNN, '--throughput-texts', '0', '--features', 'embedding,kl'];
    const first = await workspace.fungi([...argv, '--json']);
    const folder = workspace.path('cache', 'features');
    const before = await stateOf(folder);
    const again = await workspace.fungi([...argv, '--json']);
    const accuracies = (outcome: typeof first): number[] =>
      fileJson.parse(outcome.json()).results.map(({ accuracy }) => accuracy);
    expect(accuracies(again)).toEqual(accuracies(first));
    expect(await stateOf(folder)).toEqual(before);
    rmSync(folder, { recursive: true });
    const anew = await workspace.fungi([...argv, '--no-feature-cache', '--json']);
    expect(accuracies(anew)).toEqual(accuracies(first));
    expect(existsSync(folder)).toBe(false);
  });

  it('draws the rows that a limit keeps from all of a sorted file', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ text: `cat ${i}`, label: i < 30 ? 'first' : 'last' }));
    await workspace.write({ 'sorted.jsonl': jsonl(rows) });
    const argv = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@sorted.jsonl', '--test', '@sorted.jsonl'];
    const more = ['--limit-train', '20', '--limit-test', '20', '--features', 'embedding', '--json', '-q'];
    const { code, json } = await workspace.fungi([...argv, ...more]);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ data: { train: 20, test: 20, labels: 2 } });
  });

  it('names what intervals leave out when shots were drawn once', async () => {
    const shots = [...KNN, '--shots', '2', '--throughput-texts', '0', '--features', 'embedding'];
    expect((await workspace.fungi(shots)).stdout).toContain('95 %, test rows only');
    expect((await workspace.fungi([...shots, '--seeds', '2'])).stdout).not.toContain('test rows only');
  });

  it('says when fewer rows than k can vote, and how many texts were cut', async () => {
    await workspace.write({
      'long.jsonl': jsonl([...EXAMPLES.slice(0, 2), { text: 'a dog '.repeat(100), label: 'dog' }]),
    });
    const argv = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@long.jsonl', '-k', '30'];
    const outcome = await workspace.fungi([...argv, '--throughput-texts', '0', '--features', 'embedding', '--json']);
    expect(outcome.stderr).toContain('warning: k is 30, and 12 rows can vote');
    expect(outcome.stderr).toContain('0 training rows and 1 of 3 test rows');
    expect(outcome.json()).toMatchObject({ truncated: { train: 0, test: 1 }, interval: 'test rows' });
  });

  it('shows the table when the file cannot be written at the end, and exits with 5', async () => {
    const folder = workspace.path('lost');
    let calls = 0;
    const now = (): number => {
      // The first call starts the clock; at the second the work has begun, and the file has been found writable.
      if (calls++ === 1) {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      }
      return performance.now();
    };
    const argv = [...KNN, '--throughput-texts', '0', '--features', 'embedding', '--json', '@lost/results.json'];
    const { code, stdout, stderr } = await workspace.fungi(argv, { now });
    expect(code).toBe(5);
    expect(stdout).toMatch(/^embedding +\d/m);
    expect(stderr).toMatch(/^error \[STORAGE_FAILED\]: .*results\.json cannot be written: /m);
  });

  it('takes rows whose ids repeat', async () => {
    await workspace.write({ 'same-ids.jsonl': jsonl(EXAMPLES.map((row, i) => ({ ...row, id: i % 3 }))) });
    const argv = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@same-ids.jsonl', '--test', '@same-ids.jsonl'];
    const { code } = await workspace.fungi([...argv, '--throughput-texts', '0', '--features', 'embedding']);
    expect(code).toBe(0);
  });

  it('keeps duplicate rows and says what the data are like', async () => {
    const strange = [
      { text: 'a bird', label: 'bird' },
      { text: 'a b c d', label: 'dog' },
      { text: 'a b c d', label: 'dog' },
    ];
    await workspace.write({
      'twice.jsonl': jsonl([...EXAMPLES, EXAMPLES[0]!, { text: 'a cat', label: 'dog' }]),
      'strange.jsonl': jsonl(strange),
    });
    const { stdout } = await workspace.fungi([
      ...['eval', 'knn', '--encoder', 'MODEL', '--train', '@twice.jsonl', '--test', '@strange.jsonl'],
      ...['--features', 'embedding', '--throughput-texts', '0'],
    ]);
    expect(stdout).toContain('14 training rows, 3 test rows');
    expect(stdout).toContain('2 training rows and 1 test row repeat an earlier text');
    expect(stdout).toContain('1 training text with several labels');
    expect(stdout).toContain('1 test row with a label that no training row has');
  });

  it('reduces as --reducer says, and tells what it did', async () => {
    const of = async (...more: string[]) => {
      const argv = [...KNN, '--features', 'embedding', '--throughput-texts', '0', ...more];
      const { code, stdout, stderr } = await workspace.fungi(argv);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { json } = await workspace.fungi([...argv, '--json']);
      const report = json() as {
        fingerprint: string;
        reducer: string;
        shrinkage?: number | string;
        metric?: string;
        results: { dims: number; measures: Record<string, number> }[];
      };
      return { stdout, report, row: report.results[0]! };
    };
    const pca = await of();
    expect(pca.report.reducer).toBe('pca');
    expect(Object.keys(pca.row.measures)).toEqual(['labelHit', 'sameLabel']);
    expect(pca.stdout).toContain('k = 3, ties by name, PCA to at most 512');
    // Two labels: one dimension, or one beside a PCA.
    const lda = await of('--reducer', 'lda');
    expect(lda.row.dims).toBe(1);
    expect(lda.report.shrinkage).toBe('auto');
    expect(lda.row.measures['shrinkage']).toBeGreaterThan(0);
    expect(lda.stdout).toContain('LDA to at most 512, shrinkage auto');
    expect(lda.stdout).toMatch(/ label hit +same label +shrinkage +dims$/m);
    const given = await of('--reducer', 'blend', '--shrinkage', '0.5', '--metric', 'l2');
    expect(given.row.dims).toBeGreaterThan(1);
    expect(given.row.measures['shrinkage']).toBe(0.5);
    expect(given.report).toMatchObject({ shrinkage: 0.5, metric: 'l2' });
    expect(given.stdout).toContain('LDA beside PCA to at most 512, shrinkage 0.5, l2');
    const none = await of('--reducer', 'none');
    expect(none.stdout).toContain('not reduced');
    const random = await of('--reducer', 'sparse', '--dims', '7');
    expect(random.row.dims).toBe(7);
    expect(random.stdout).toContain('sparse random projection to at most 7');
    const prints = [pca, lda, given, none, random].map(({ report }) => report.fingerprint);
    expect(new Set(prints).size).toBe(5);
  });

  it.each([
    [['--shrinkage', '0.2'], 'INVALID_ARGUMENT', '--shrinkage 0.2 with --reducer pca'],
    [['--reducer', 'lda', '--shrinkage', '1.5'], 'INVALID_ARGUMENT', 'from 0 to 1, or auto'],
    [['--reducer', 'lda', '--shrinkage', 'some'], 'INVALID_ARGUMENT', 'from 0 to 1, or auto'],
    [['--reducer', 'lda', '--shrinkage', '0'], 'INVALID_ARGUMENT', 'do not determine'],
    [['--reducer', 'tsne'], 'INVALID_ARGUMENT', 'lda'],
    [['--metric', 'l1'], 'INVALID_ARGUMENT', 'cosine'],
  ])('refuses %j', async (more, code, text) => {
    const { stderr, code: exit } = await workspace.fungi([...KNN, '--features', 'embedding', ...more]);
    expect(exit).toBe(2);
    expect(stderr).toContain(code);
    expect(stderr).toContain(text);
  });
});
