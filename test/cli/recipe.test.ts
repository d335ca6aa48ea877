/** `fungi index --recipe`: what an index chooses for itself, the paper's recipe, and when a second run finds nothing to do. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/store/manifest.js';
import { EXAMPLES, jsonl, Workspace, type Outcome } from './support.js';

let workspace: Workspace;
const build = (...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', 'pets', '--encoder', 'MODEL', '--data', '@train.jsonl', ...more]);
const manifestOf = ({ json }: Outcome): Manifest => (json() as { manifest: Manifest }).manifest;

beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.write({ 'each.jsonl': jsonl(EXAMPLES.map((example) => ({ ...example, label: example.text }))) });
});
afterAll(() => workspace.remove());

describe('--recipe paper', () => {
  it('takes all losses, PCA and the Euclidean distance, as --reducer pca does', async () => {
    const built = await build('--losses', 'kl,simclr', '--recipe', 'paper', '--json');
    expect(built.code).toBe(0);
    const manifest = manifestOf(built);
    expect(manifest).toMatchObject({
      metric: 'l2',
      reducer: { kind: 'pca' },
      features: { losses: [{ name: 'kl' }, { name: 'simclr' }] },
    });
    expect(manifest).not.toHaveProperty('auto');
    expect(manifest.artefacts.map(({ file }) => file)).toEqual(['artefacts.safetensors', 'pca.safetensors']);
    const { stdout } = await build('--losses', 'kl,simclr', '--reducer', 'pca');
    expect(stdout).toContain('nothing to do');
    expect(stdout).toMatch(/^features +embedding \+ kl \+ simclr$/m);
    expect(stdout).toMatch(/^metric +l2$/m);
    expect(stdout).not.toMatch(/^(chosen|expected|label among \d+|a query takes) /m);
    await workspace.fungi(['indexes', 'remove', 'pets']);
  });

  it('takes another distance where it is asked for', async () => {
    const { metric, reducer } = manifestOf(await build('--recipe', 'paper', '--metric', 'cosine', '--json'));
    expect([metric, reducer.kind]).toEqual(['cosine', 'pca']);
    await workspace.fungi(['indexes', 'remove', 'pets']);
  });

  it.each([
    [
      ['--recipe', 'paper', '--reducer', 'lda'],
      "option '--recipe <name>' cannot be used with option '--reducer <kind>'",
    ],
    [
      ['--recipe', 'auto', '--reducer', 'pca'],
      "option '--recipe <name>' cannot be used with option '--reducer <kind>'",
    ],
    [['--recipe', 'papre'], 'Allowed choices are auto, paper'],
    [['--recipe', 'paper', '--shrinkage', '0.5'], '--shrinkage 0.5 with --reducer pca, which takes none'],
  ])('is refused as %j', async (more, says) => {
    const { code, stdout, stderr } = await build(...more);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error \[INVALID_ARGUMENT\]: /);
    expect(stderr).toContain(says);
  });
});

describe('--recipe auto', () => {
  let built: Outcome;
  beforeEach(async () => {
    built = await build('--force', '--losses', 'kl,simclr', '--json');
  });

  it('is what is done where none is named, and says what was chosen and what that should bring', async () => {
    const manifest = manifestOf(built);
    expect(manifest).toMatchObject({ metric: 'cosine', reducer: { kind: 'blend' } });
    const { losses, voters, tried, expected } = manifest.auto!.choice!;
    expect(tried).toEqual(['kl', 'simclr']);
    expect(losses.length).toBeLessThan(2); // twelve short texts need no two gradients
    expect(manifest.features).toMatchObject({ losses: losses.map((name) => ({ name })) });
    const { stdout } = await workspace.fungi(['indexes', 'describe', 'pets']);
    const names = losses.length === 0 ? 'the embedding' : `${losses.join(' and ')} beside the embedding`;
    const points = (share: number): string => (100 * share).toFixed(1);
    expect(stdout).toContain(` ${names} (tried kl, simclr), ${voters} to vote\n`);
    expect(stdout).toMatch(/^chosen /m);
    expect(stdout).toMatch(
      new RegExp(
        `^expected +${points(expected.accuracy)} % right by vote, the plain embedding ${points(expected.embedding)} % ` +
          String.raw`\([+-][\d.]+, 95 % interval [+-][\d.]+ to [+-][\d.]+, 12 held-out examples\)$`,
        'm',
      ),
    );
    expect(stdout).toMatch(/^label among \d+ +[\d.]+ % of held-out examples, by the plain embedding [\d.]+ %$/m);
    expect(stdout).toMatch(/^a query takes +\d+\.\d ms, the plain embedding \d+\.\d ms$/m);
  });

  it('finds nothing to do in a second run, though a loss was not chosen', async () => {
    const { losses } = manifestOf(built).auto!.choice!;
    expect(losses).not.toEqual(['kl', 'simclr']);
    for (const more of [[], ['--recipe', 'auto'], ['--reducer', 'auto'], ['--metric', 'cosine']]) {
      const again = await build('--losses', 'kl,simclr', ...more, '--json');
      expect(again.json()).toMatchObject({ state: 'unchanged', manifest: manifestOf(built) });
    }
  });

  it.each([
    [['--losses', 'kl'], '  losses: kl,simclr in the index, kl asked for\n'],
    [['--losses', 'none'], '  losses: kl,simclr in the index, none asked for\n'],
    [['--losses', 'kl,simclr', '--dims', '7'], '  dims: 512 in the index, 7 asked for\n'],
    [['--losses', 'kl,simclr', '--recipe', 'paper'], '  reducer: auto in the index, pca asked for\n'],
    [['--losses', 'kl,simclr', '--reducer', 'blend'], '  reducer: auto in the index, blend asked for\n'],
  ])('refuses %j in place of it', async (more, says) => {
    const { code, stderr } = await build(...more);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^error \[INDEX_EXISTS\]: /);
    expect(stderr).toContain(says);
  });

  it('keeps the plain embedding where labels tell nothing, says why, and knows it again', async () => {
    const each = ['--data', '@each.jsonl'];
    const { stdout } = await build(...each, '--force');
    expect(stdout).toMatch(/^features +embedding$/m);
    expect(stdout).toContain('(the plain embedding in place of a choice: no label has two examples');
    expect(stdout).not.toMatch(/^(chosen|expected) /m);
    expect((await build(...each)).stdout).toContain('nothing to do');
    expect((await workspace.fungi(['answer', 'pets', 'a cat', '-k', '1'])).stdout).toContain('a cat');
  });
});
