/** `fungi eval ablate` on folders of images: the losses, views and defaults are those of images. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TinyImages } from '../support/tiny-images.js';
import { Workspace, type Outcome } from './support.js';

let workspace: Workspace;
let images: TinyImages;
const ablate = (...more: string[]): Promise<Outcome> =>
  workspace.fungi([
    ...['eval', 'ablate', '--encoder', images.model, '--train', '@spots/train', '--test', '@spots/test', '-k', '3'],
    ...more,
  ]);

beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  await images.labelled(workspace.path('spots'), { train: 6, test: 4 }, ['a', 'b']);
});
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});

interface Report {
  readonly loss: string;
  readonly factors: readonly { readonly name: string; readonly default: string }[];
  readonly results: readonly { readonly level: string; readonly features: string }[];
}

describe('eval ablate of images', () => {
  it('has the paper’s Table 18: heads and augmentation of DINO', async () => {
    const { code, stdout, stderr } = await ablate('--table', '18', '--dims', '4', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as Report;
    expect(report.loss).toBe('dino');
    expect(report.factors.map(({ name, default: own }) => `${name}=${own}`)).toEqual([
      'heads=independent',
      'augmentation=crops',
    ]);
  });

  it('has the defaults of images: 49 patches, a head of 96', async () => {
    const { code, stdout, stderr } = await ablate(
      ...['--loss', 'simclr', '--vary', 'views=4,9', '--vary', 'latent=8', '--dims', '4', '--json'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { factors } = JSON.parse(stdout) as Report;
    expect(factors.map(({ name, default: own }) => `${name}=${own}`)).toEqual(['views=49', 'latent=96']);
  });

  it.each([
    ['views=5', /views=5: .*has to be a square/s],
    ['deletion=0.2', /deletion=0.2: .*"deletion"/s],
  ])('refuses %s, which images have not', async (level, message) => {
    const { code, stderr } = await ablate('--loss', 'simclr', '--vary', level);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
