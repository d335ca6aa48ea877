import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SelectionExplanation } from '../../src/policies/explanation.js';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
  await workspace.write({
    'policy.yaml': 'exclude:\n  query: true\nminLabels: 2\nmaxPerLabel: 2\n',
    'broken.yaml': 'exclude: [',
  });
});
afterAll(() => workspace.remove());

interface Found {
  readonly examples: readonly { readonly id: string; readonly label: string; readonly input: string }[];
  readonly explanation?: { readonly chosen: readonly { readonly rule: string }[] };
}

const retrieve = async (...more: string[]): Promise<Found> => {
  const { code, json, stderr } = await workspace.fungi(['retrieve', 'pets', 'a cat', '-k', '3', '--json', ...more]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return json() as Found;
};

describe('--policy', () => {
  it('takes a file or JSON', async () => {
    const policy = '{"exclude": {"query": true}, "minLabels": 2, "maxPerLabel": 2}';
    const found = await retrieve('--policy', policy);
    expect(await retrieve('--policy', '@policy.yaml')).toEqual(found);
    expect(found.examples.map(({ input }) => input)).not.toContain('a cat');
    expect(new Set(found.examples.map(({ label }) => label))).toEqual(new Set(['cat', 'dog']));
    expect(await retrieve('--policy', '{}')).toEqual(await retrieve());
  });

  it.each([
    ['a member that is none', '{"colour": 1}', 2, /INVALID_ARGUMENT.*colour/],
    ['more labels than k', '{"minLabels": 9}', 2, /minLabels: is 9, it must be at most k, which is 3/],
    ['a file that is not there', '@none.yaml', 3, /FILE_NOT_FOUND.*none\.yaml[^]*hint: Give the path/],
    ['a file that is no YAML', '@broken.yaml', 2, /neither YAML nor JSON/],
    ['JSON that is none', '{"a', 2, /neither YAML nor JSON/],
  ])('refuses %s, before a model is loaded', async (_, policy, exit, message) => {
    const { code, stderr } = await workspace.fungi(['retrieve', 'none', 'a cat', '-k', '3', '--policy', policy]);
    expect(stderr).toMatch(message);
    expect(code).toBe(exit);
  });

  it('that adapts k is no reason to warn of few examples', async () => {
    const { stderr, stdout } = await workspace.fungi([
      'retrieve',
      'pets',
      'a cat',
      '-k',
      '5',
      '--policy',
      '{"adaptive": {"gap": 0.01}}',
      '--quiet',
    ]);
    expect(stdout.trim().split('\n').length).toBeLessThan(6);
    expect(stderr).toBe('');
  });

  it('abstains: a line that says so, and a count', async () => {
    const policy = '{"abstain": {"below": 0.9}, "calibration": {"method": "platt", "slope": 0, "intercept": 0}}';
    const one = await workspace.fungi(['answer', 'pets', 'a cat', '--policy', policy]);
    expect(one.stdout).toMatch(/^no answer: the likeliest label is cat, with confidence 0\.500\n/);
    const many = await workspace.fungi(['answer', 'pets', '--data', '@test.jsonl', '--policy', policy]);
    expect(many.stdout).toMatch(/^\tthe cat sat\tno answer: /);
    expect(many.stderr).toMatch(/not confident enough +6/);
    const { json } = await workspace.fungi(['answer', 'pets', '--data', '@test.jsonl', '--policy', policy, '--json']);
    expect(json()).toMatchObject({ abstained: 6, answered: 0, failed: 0 });
    expect(json()).toMatchObject({ accuracy: { coverage: 0, selectiveAccuracy: null, overall: 0 } });
  });
});

describe('--explain', () => {
  it('says which rule chose and dropped what, in text and JSON', async () => {
    const found = await retrieve('--policy', '@policy.yaml', '--explain');
    expect(found.explanation!.chosen).toHaveLength(found.examples.length);
    const { stdout } = await workspace.fungi([
      'retrieve',
      'pets',
      'a cat',
      '-k',
      '3',
      '--policy',
      '@policy.yaml',
      '--explain',
    ]);
    expect(stdout).toMatch(/rank +nearness +distance +similarity +margin +rule/);
    expect(stdout).toMatch(/passed over:\n[^]*same-text/);
    expect(stdout).toMatch(/share of the vote +\w+ 0\.\d+, \w+ 0\.\d+/);
    for (const command of ['prompt', 'answer']) {
      const { json } = await workspace.fungi([command, 'pets', 'a cat', '-k', '3', '--explain', '--json']);
      expect(json()).toHaveProperty('explanation.chosen.0.rule', 'nearest');
    }
  });

  it.each(['--explain', '--explain-blocks'])('is of one query: %s', async (option) => {
    const { code, stderr } = await workspace.fungi(['answer', 'pets', '--data', '@test.jsonl', option]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${option} is of one query`);
  });
});

describe('--explain-blocks', () => {
  beforeAll(async () => {
    const { code, stderr } = await workspace.fungi([
      ...['index', 'animals', '--data', '@train.jsonl', '--encoder', 'builtin', '--losses', 'kl,simclr'],
      ...['--reducer', 'pca', '--dims', '6'],
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });
  const asked = ['animals', 'the cat that sat', '-k', '3', '--explain-blocks'];

  it('says of each example what each block has to do with its distance, with the encoder of the package', async () => {
    const { json, stderr } = await workspace.fungi(['retrieve', ...asked, '--json']);
    expect(stderr).toBe('');
    const { explanation } = json() as { readonly explanation: SelectionExplanation };
    expect(explanation.chosen).toHaveLength(3);
    for (const { distance, split } of explanation.chosen) {
      expect(split!.blocks.map(({ block }) => block)).toEqual(['kl', 'simclr', 'embedding']);
      const sum = (side: 'before' | 'after'): number => split!.blocks.reduce((total, block) => total + block[side], 0);
      expect(Math.abs(sum('after') - distance ** 2)).toBeLessThan(1e-5);
      expect(sum('before')).toBeCloseTo(split!.before, 9);
      expect(split!.residual).toBeLessThan(0);
    }
    for (const command of ['prompt', 'answer']) {
      const other = await workspace.fungi([command, ...asked, '--json']);
      expect((other.json() as { readonly explanation: SelectionExplanation }).explanation).toEqual(explanation);
    }
  });

  it('says why there is but one block', async () => {
    const build = ['--data', '@train.jsonl', '--encoder', 'builtin'];
    await workspace.fungi(['index', 'plain', ...build, '--losses', 'none']);
    await workspace.fungi(['index', 'chosen', ...build, '--losses', 'kl']);
    const explained = async (name: string): Promise<string> =>
      (await workspace.fungi(['retrieve', name, 'a cat', '-k', '2', '--explain-blocks'])).stdout;
    expect(await explained('plain')).toMatch(
      /embedding\n(.*\n){2}There is one block only: the index was built without/,
    );
    // Which is how a choice on twelve examples ends: gradients have to earn their time.
    expect(await explained('chosen')).toMatch(
      /embedding\n(.*\n){2}There is one block only: the build tried kl too, and chose the embedding alone\.\n/,
    );
    expect(await explained('animals')).not.toContain('one block only');
  });

  it('has a line an example in text', async () => {
    const { stdout } = await workspace.fungi(['retrieve', ...asked]);
    expect(stdout).toMatch(/by block .*:\n *rank +before +after +residual +kl +simclr +embedding\n/);
    expect(stdout.match(/^ +[123] .*( +\d\.\d{4} → -?\d\.\d{4} #[123]){3}$/gm)).toHaveLength(3);
    expect((await workspace.fungi(['retrieve', ...asked.slice(0, -1), '--explain'])).stdout).not.toContain('by block');
  });
});
