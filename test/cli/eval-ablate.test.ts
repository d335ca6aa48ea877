/** `fungi eval ablate` from end to end. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  // Texts that differ from those trained on, some of them hard.
  const words = [
    'the cat sat',
    'a dog',
    'dog cat',
    'a b',
    'c d the',
    'cat a b',
    'the sat',
    'd c dogs',
    'b b cats',
    'a',
  ];
  const rows = words.map((text, i) => ({ text: `${text} ${'abcd'[i % 4]!}`, label: i % 3 === 0 ? 'cat' : 'dog' }));
  await workspace.write({ 'hard.jsonl': jsonl(rows) });
});
afterAll(() => workspace.remove());

const DATA = ['--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@hard.jsonl', '-k', '3'];
const ablate = (...more: string[]) => workspace.fungi(['eval', 'ablate', ...DATA, ...more]);

interface Row {
  readonly level: string;
  readonly features: string;
  readonly accuracy: number;
  readonly macroF1: number;
  readonly dims: number;
}

describe('eval ablate', () => {
  it('prints what was found, a table with the default setting marked, and a fingerprint', async () => {
    const { code, stdout, stderr } = await ablate('--vary', 'head=linear,none', '--vary', 'dims=2,4', '--dims', '4');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^head: best is with only:kl \S+ \(\d+\.\d %\), with kl \S+ .*; .*linear.*\.$/);
    expect(lines[1]).toMatch(/^dims: best is /);
    expect(lines[3]).toMatch(/: gradient of kl, k = 3, 12 training rows, 10 test rows, 2 labels, 1 seed$/);
    expect(lines[4]).toMatch(/^factor +level +features +accuracy % +95 % +difference +95 % +p +dims$/);
    expect(lines.slice(5, 13).map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'head linear* only:kl',
      'head linear* kl',
      'head none only:kl',
      'head none kl',
      'dims 2 only:kl',
      'dims 2 kl',
      'dims 4* only:kl',
      'dims 4* kl',
    ]);
    expect(lines[13]).toBe('* default setting; difference from it, p two-sided, corrected for 4 comparisons');
    expect(lines.at(-1)).toMatch(/^fingerprint: [0-9a-f]{64}$/);
  });

  it.each([
    ['dims=4', ['--dims', '4']],
    ['mode=reference', ['--mode', 'reference']],
    ['projection=khatri-rao', ['--projection', 'khatri-rao']],
    ['projection=binary', ['--projection', 'dense']],
    ['layer=0.mlp', ['--target', 'L0_MLP']],
  ])('has at %s what eval knn has with %j', async (level, flags) => {
    const features = ['--features', 'embedding,kl,only:kl', '--seeds', '2'];
    const found = await ablate('--vary', level, ...features, '--json');
    expect(found.code).toBe(0);
    const { rows } = found.json() as { rows: Row[] };
    const target = flags.map((flag) => (flag === 'L0_MLP' ? layerOf('0.mlp') : flag));
    const knn = await workspace.fungi([
      'eval',
      'knn',
      ...DATA,
      ...target,
      ...features,
      '--throughput-texts',
      '0',
      '--json',
    ]);
    const { summary } = knn.json() as { summary: Row[] };
    const pairsOf = (all: readonly Row[]): unknown =>
      all.map((row) => [row.features, row.accuracy.toFixed(9), row.dims]);
    expect(pairsOf(rows.filter((row) => row.level === level))).toEqual(pairsOf(summary));
  });

  /** The tensor of a layer, as `models inspect` lists it. */
  let layers: { name: string; block: number; kind: string }[] = [];
  beforeAll(async () => {
    const { json } = await workspace.fungi(['models', 'inspect', 'MODEL', '--json']);
    layers = (json() as { targets: typeof layers }).targets;
  });
  const layerOf = (name: string): string => {
    const [block, kind] = name.split('.');
    return layers.find((layer) => String(layer.block) === block && layer.kind.startsWith(kind!))!.name;
  };

  it('crosses the factors of Table 6', async () => {
    const { code, stdout } = await ablate('--table', '6');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^head × normalise: best is head=\w+, normalise=\w+ /);
    expect(stdout).toMatch(/\nhead +normalise +features .*\nlinear\* +true\* +only:kl /);
  });

  it('has every layer of Figure 8, and Figure 12 with its cost', async () => {
    const layered = await ablate('--figure', '8');
    for (const { block, kind } of layers) expect(layered.stdout).toContain(`\nlayer   ${block}.${kind.split('-')[0]!}`);
    const { stdout } = await ablate('--figure', '12');
    expect(stdout).toMatch(/ms\/text/);
    expect(stdout).toMatch(/\nviews +12\* +only:simclr .* \d+\.\d+ +\d+\n/);
  });

  it('writes Markdown', async () => {
    const { stdout } = await ablate('--table', '20', '--markdown');
    expect(stdout).toMatch(/^- reducer: best is /);
    expect(stdout).toContain('\n| factor | level | features | accuracy % |');
    expect(stdout).toMatch(/\n\| --- (\| --- )+\|\n\| reducer \| pca\\\* \| embedding \|/);
  });

  it('writes JSON, the same again for the same data and settings, and another fingerprint for others', async () => {
    const run = async (file: string, ...more: string[]): Promise<Record<string, unknown>> => {
      expect((await ablate('--vary', 'temperature=1,5', '--json', `@${file}`, ...more)).code).toBe(0);
      return JSON.parse(await readFile(workspace.path(file), 'utf8')) as Record<string, unknown>;
    };
    const first = await run('a.json');
    expect(first).toMatchObject({
      protocol: 'ablate',
      loss: 'kl',
      comparisons: 4,
      factors: [{ name: 'temperature', levels: ['1', '5'], default: '15' }],
      common: [],
    });
    expect(await run('b.json')).toEqual(first);
    expect((await run('c.json', '--with', 'reducer=none'))['fingerprint']).not.toBe(first['fingerprint']);
    // What is spelled out is the default, and the runs are the same.
    expect((await run('d.json', '--with', 'latent=768'))['rows']).toEqual(first['rows']);
  });

  it('reports a level that fails, and goes on', async () => {
    const { code, stdout, stderr } = await ablate('--vary', 'temperature=1e-9,5');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: temperature=1e-9 failed: /);
    expect(stdout).toMatch(/\ntemperature +1e-9 +INVALID_ARGUMENT\n/);
    expect(stdout).toMatch(/\nfailed: temperature=1e-9 \[INVALID_ARGUMENT\]: /);
    expect(stdout).toMatch(/\ntemperature +5 +only:kl /);
  });

  it.each<[string[], number, RegExp]>([
    [[], 2, /what to vary must be said once/],
    [['--vary', 'head=linear', '--table', '6'], 2, /must be said once/],
    [['--table', '18'], 2, /dino is a loss of images, and this encoder reads texts/],
    [['--vary', 'size=1'], 2, /no factor "size".*\nhint: There are head, /],
    [['--vary', 'head=cubic'], 2, /"cubic" is no level of head.*\nhint: Levels are linear, none/],
    [['--vary', 'views=2'], 2, /views is a setting of simclr/],
    [['--vary', 'layer=7.mlp'], 4, /TARGET_NOT_FOUND.*no layer "7.mlp"/],
    [['--vary', 'latent=4', '--with', 'head=none'], 2, /latent=4: .*width of a head/s],
    [['--table', '21'], 2, /has nothing to reduce/],
  ])('refuses %j', async (argv, exit, message) => {
    const { code, stdout, stderr } = await ablate(...argv);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('makes features anew where none are to be kept', async () => {
    const kept = await ablate('--vary', 'dims=2', '--json');
    const anew = await ablate('--vary', 'dims=2', '--no-feature-cache', '--json');
    expect(anew.json()).toEqual(kept.json());
  });
});
