/** A feature is the same alone, in any batch, with any padding, in any order and in any process. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { tinyExtractor, tinyPool } from '../support/tiny-extractor.js';

/** Absolute, on blocks of unit norm. */
const TOLERANCE = 1e-5;

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

describe.each<[Pooling, 'nystrom' | 'khatri-rao' | 'dense']>([
  ['first', 'nystrom'],
  ['mean', 'nystrom'],
  ['first', 'dense'],
  ['mean', 'khatri-rao'],
])('pooling %s, projection %s', (pooling, projection) => {
  let engine: GradientEngine;
  let extractor: FeatureExtractor;
  let together: Float32Array;
  const width = (): number => extractor.layout.width;
  const rowOf = (rows: Float32Array, i: number): Float32Array => rows.subarray(i * width(), (i + 1) * width());

  beforeAll(async () => {
    ({ engine, extractor } = await tinyExtractor(pooling, projection));
    together = (await extractor.extract(tinyPool)).rows;
  });
  afterAll(() => engine.close());

  it('has blocks of unit length: kl, simclr, embedding', () => {
    expect(extractor.layout.blocks.map(({ name }) => name)).toEqual(['kl', 'simclr', 'embedding']);
    for (const { start, width: size } of extractor.layout.blocks) {
      for (let i = 0; i < tinyPool.length; i++) {
        const block = rowOf(together, i).subarray(start, start + size);
        expect(Math.hypot(...block)).toBeCloseTo(1, 5);
      }
    }
  });

  it('is the same alone', async () => {
    for (const [i, item] of tinyPool.slice(0, 6).entries()) {
      const { rows } = await extractor.extract([item]);
      expect(largestDifference(rows, rowOf(together, i))).toBeLessThan(TOLERANCE);
    }
  });

  it('is the same in reversed order and beside a longer item', async () => {
    const longest = '2 ' + Array.from({ length: 36 }, (_, i) => 5 + (i % 50)).join(' ') + ' 3';
    const { rows } = await extractor.extract([...tinyPool, longest].toReversed());
    tinyPool.forEach((_, i) => {
      const place = tinyPool.length - i;
      expect(largestDifference(rowOf(rows, place), rowOf(together, i))).toBeLessThan(TOLERANCE);
    });
  });

  it('is the same in another process, artefacts drawn anew', () => {
    const script = `
      import { tinyExtractor, tinyPool } from './test/support/tiny-extractor.ts';
      const { extractor } = await tinyExtractor('${pooling}', '${projection}');
      const { rows } = await extractor.extract(tinyPool);
      process.stdout.write(Buffer.from(rows.buffer).toString('base64'));
    `;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    const bytes = Buffer.from(output, 'base64');
    const rows = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    expect(largestDifference(rows, together)).toBeLessThan(TOLERANCE);
  });
});
