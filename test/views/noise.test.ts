import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clip, NoisyClip } from '../../src/core/content.js';
import { viewKey } from '../../src/core/content.js';
import { noisyClips } from '../../src/views/noise.js';

const clip = (digest: string): Clip => ({ modality: 'audio', digest, samples: new Float32Array(4), truncated: false });
const views = (settings: Partial<Parameters<typeof noisyClips>[0]>, digest = 'a'): readonly NoisyClip[] =>
  noisyClips({ count: 16, seed: 1, noise: 0.1, roll: 10, ...settings }).views(clip(digest)) as readonly NoisyClip[];

describe('noisy clips', () => {
  it('have a strength of 0 … noise and a roll of −roll … roll − 1, as the released code draws them', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 20 }), (seed, digest, roll) => {
        for (const view of views({ seed, roll }, digest)) {
          expect(view.level).toBeGreaterThanOrEqual(0);
          expect(view.level).toBeLessThan(0.1);
          expect(view.roll).toBeGreaterThanOrEqual(-roll);
          expect(view.roll).toBeLessThanOrEqual(Math.max(0, roll - 1));
        }
      }),
    );
  });

  it('spread over all of it', () => {
    const many = Array.from({ length: 60 }, (_, seed) => views({ seed })).flat();
    expect(new Set(many.map(({ roll }) => roll)).size).toBe(20);
    expect(many.reduce((sum, { level }) => sum + level, 0) / many.length).toBeCloseTo(0.05, 2);
  });

  it('depend on the seed, the content, the purpose and their number alone', () => {
    const keys = (...args: Parameters<typeof views>): string[] => views(...args).map(viewKey);
    expect(keys({})).toEqual(keys({}));
    expect(keys({ count: 3 })).toEqual(keys({}).slice(0, 3));
    const all = [...keys({}), ...keys({ seed: 2 }), ...keys({}, 'b'), ...keys({ purpose: 'negative' })];
    expect(new Set(all).size).toBe(4 * 16);
  });

  it('are of sounds', () => {
    const maker = noisyClips({ count: 2, seed: 1, noise: 0.1, roll: 10 });
    expect(() => maker.views('a text')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
