import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { wilson } from '../../src/core/wilson.js';
import type { PolicyOptions } from '../../src/policies/options.js';
import type { CalibratedPolicy } from '../../src/selector/calibrate.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const asked = EXAMPLES.map(({ text, label }) => ({ text: `${text} now`, label }));
  const words = ['sat', 'a', 'b', 'c', 'd', 'the'];
  const many = Array.from({ length: 180 }, (_, i) => {
    const [label, other] = i % 2 === 0 ? ['cat', 'dog'] : ['dog', 'cat'];
    // Some are like the others: whoever looks at their neighbours is wrong.
    const first = i % 7 === 0 ? other : label;
    return { text: [first, ...[0, 1, 2].map((j) => words[Math.floor(i / 6 ** j) % 6])].join(' '), label };
  });
  await workspace.write({
    'many.jsonl': jsonl(many),
    ...{ 'pets.jsonl': jsonl(EXAMPLES), 'asked.jsonl': jsonl(asked), 'policy.yaml': 'maxPerLabel: 3\n' },
  });
  const index = ['--data', '@pets.jsonl', '--encoder', 'MODEL', '--losses', 'none'];
  await workspace.fungi(['index', 'pets', ...index, '--reducer', 'pca']);
  await workspace.fungi(['index', 'chosen', '--data', '@many.jsonl', ...index.slice(2)]);
  await workspace.fungi(['index', 'learned', ...index, '--reducer', 'blend', '--shrinkage', '0.5']);
});
afterAll(() => workspace.remove());

const written = async (file: string): Promise<PolicyOptions> =>
  parse(await readFile(workspace.path(file), 'utf8')) as PolicyOptions;

describe('fungi calibrate', () => {
  it('writes a policy that the other commands take, with what was given in it', async () => {
    const argv = ['calibrate', 'pets', '--policy', '@policy.yaml', '--precision', '.01', '--out', '@out.yaml'];
    const { code, json } = await workspace.fungi([...argv, '--json']);
    expect(code).toBe(0);
    const report = json() as CalibratedPolicy & { readonly policy: PolicyOptions };
    expect(report.queries).toBe(EXAMPLES.length);
    expect(report.policy).toMatchObject({ maxPerLabel: 3, calibration: { method: 'platt' } });
    expect(report.policy.abstain?.below).toBe(report.abstention!.threshold);
    expect(await written('out.yaml')).toEqual(report.policy);
    const found = await workspace.fungi([
      'retrieve',
      'learned',
      'a cat',
      '--policy',
      '@out.yaml',
      '--explain',
      '--json',
    ]);
    expect(found.json()).toMatchObject({ explanation: { posterior: { calibrated: true } } });
  });

  it('tells people what it found, and where no confidence shows so much', async () => {
    const { code, stdout } = await workspace.fungi(['calibrate', 'pets', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/asked +\d+ examples of index "pets", each by the others\n/);
    expect(stdout).toMatch(/likeliest label right +[\d.]+ % \(95 % interval [\d.]+ to [\d.]+\)\n/);
    expect(stdout).toMatch(/policy +not written: --out FILE/);
    const sure = await workspace.fungi(['calibrate', 'pets', '--precision', '.999', '--out', '@sure.yaml', '--quiet']);
    expect(sure.code).toBe(1);
    expect(sure.stdout).toMatch(/answers +at no confidence do these examples show that 99\.9 % are right\n/);
    expect(sure.stdout).toMatch(/policy +none: ask for \d+\.\d % at most, or give more examples\n/);
    expect(sure.stdout).not.toMatch(/NaN|undefined|null/);
    await expect(written('sure.yaml')).rejects.toThrow('ENOENT');
  });

  it('warns of an interval that is wide because few were asked', async () => {
    const { stderr, json } = await workspace.fungi(['calibrate', 'pets', '--json']);
    const { accuracy } = json() as CalibratedPolicy;
    const { low, high } = wilson(Math.round(12 * accuracy), 12);
    expect(stderr).toContain(
      `warning: 12 examples are few to calibrate by: the 95 % interval of the share that is right is ${(100 * (high - low)).toFixed(0)} points wide`,
    );
    const many = Array.from({ length: 30 }, (_, i) => ({ text: `the ${'a '.repeat(i)}cat`, label: 'cat' }));
    await workspace.write({ 'many.jsonl': jsonl(many) });
    expect((await workspace.fungi(['calibrate', 'pets', '--data', '@many.jsonl', '--json'])).stderr).toBe('');
  });

  it('asks an index that learned of labels what it does not have', async () => {
    const own = await workspace.fungi(['calibrate', 'learned']);
    expect(own.code).toBe(2);
    expect(own.stderr).toMatch(/index "learned": its reduction learned of its examples' labels.*\nhint: .*--data FILE/);
    const { code, stdout } = await workspace.fungi(['calibrate', 'learned', '--data', '@asked.jsonl', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/asked +\d+ examples of \S+asked\.jsonl\n/);
    const some = await workspace.fungi(
      ['calibrate', 'learned', '--data', '@asked.jsonl', '--queries', '3', '--json'], // prettier-ignore
    );
    expect(some.json()).toMatchObject({ queries: 3 });
  });

  it('tells what the build of an index by auto measured on what it held out, and no more than that', async () => {
    const argv = ['calibrate', 'chosen', '--precision', '.5', '--out', '@chosen.yaml', '--quiet'];
    const { code, stdout } = await workspace.fungi(argv);
    expect(code).toBe(0);
    expect(stdout).toMatch(/asked +1\d\d examples of index "chosen", in held-out folds of the build\n/);
    expect(stdout).toMatch(/answers from confidence +0\.\d+\n/);
    const policy = await written('chosen.yaml');
    expect(policy.calibration).toMatchObject({ method: 'platt' });
    const report = (await workspace.fungi(['calibrate', 'chosen', '--queries', '50', '--json'])).json();
    expect(report).toMatchObject({ measuredOn: 'build', queries: 50 });
    const fresh = await workspace.fungi(['calibrate', 'chosen', '--data', '@asked.jsonl', '--json']);
    expect(fresh.json()).toMatchObject({ measuredOn: 'examples', queries: EXAMPLES.length });

    const other = await workspace.fungi(['calibrate', 'chosen', '--policy', '@policy.yaml']);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/by policy\.maxPerLabel other examples vote.*\nhint: Leave it out.*--data FILE/);

    const described = await workspace.fungi(['indexes', 'describe', 'chosen']);
    expect(described.stdout).toMatch(
      /^confidence +likeliest label right for [\d.]+ % of 1\d\d held-out examples; calibration error 0\.\d{3}, of shares of the vote 0\.\d{3}$/m,
    );
    const ask = ['retrieve', 'chosen', 'a cat', '--explain', '--quiet'];
    expect((await workspace.fungi(ask)).stdout).toMatch(/^share of the vote +\w+ /m);
    const found = await workspace.fungi([...ask, '--policy', '@chosen.yaml']);
    expect(found.stdout).toMatch(/^probability +\w+ 0\.\d+/m);

    expect((await workspace.fungi(['add', 'chosen', '@asked.jsonl'])).code).toBe(0);
    const stale = await workspace.fungi(['calibrate', 'chosen']);
    expect(stale.code).toBe(2);
    expect(stale.stderr).toMatch(/no longer those of its build.*\nhint: .*fungi indexes refit/);
  });

  it.each([
    ['an index that is none', ['none'], 5, /INDEX_NOT_FOUND/],
    ['a precision of 1', ['pets', '--precision', '1'], 2, /It must be a number above 0 and below 1/],
    ['a policy that is none', ['pets', '--policy', '{"choice": "best"}'], 2, /policy\.choice/],
    ['a method that is none', ['pets', '--method', 'guess'], 2, /Allowed choices are temperature, platt, isotonic/],
  ])('refuses %s', async (_, argv, exit, message) => {
    const { code, stderr } = await workspace.fungi(['calibrate', ...argv]);
    expect(stderr).toMatch(message);
    expect(code).toBe(exit);
  });
});
