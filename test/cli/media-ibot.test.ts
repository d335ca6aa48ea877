/** iBOT from the command line: an index of images, and an evaluation beside a loss that needs one token. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TinyImages } from '../support/tiny-images.js';
import { Workspace } from './support.js';

let workspace: Workspace;
let images: TinyImages;
beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  await images.labelled(workspace.path('spots'), { train: 6, test: 4 }, ['a', 'b']);
});
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});

interface Results {
  readonly results: readonly { readonly features: string; readonly accuracy: number }[];
}

describe('--losses ibot', () => {
  it('makes an index, whose queries find their own picture first', async () => {
    const made = await workspace.fungi([
      ...['index', 'spots', '--encoder', images.model, '--data', '@spots/train', '--losses', 'kl,ibot', '--dims', '4'],
    ]);
    expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: '' });
    const query = workspace.path('spots', 'train', 'a', '2.png');
    const { code, stdout } = await workspace.fungi(['retrieve', 'spots', query, '-k', '1', '--json']);
    expect(code).toBe(0);
    expect(stdout).toContain('2.png');
  });

  it('is evaluated in one pass with other losses', async () => {
    const { code, stdout, stderr } = await workspace.fungi([
      ...['eval', 'knn', '--encoder', images.model, '--train', '@spots/train', '--test', '@spots/test', '-k', '3'],
      ...['--features', 'embedding,kl,ibot,only:ibot', '--dims', '4', '--json'],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results } = JSON.parse(stdout) as Results;
    expect(results.map(({ features }) => features)).toEqual(['embedding', 'kl', 'ibot', 'only:ibot']);
  });
});
