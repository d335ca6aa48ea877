/** What inspection counts of an optimised file is what it counts of the plain one: the same products, written otherwise. */
import { describe, expect, it } from 'vitest';
import { inspectEncoder } from '../../src/engine/inspect.js';
import { kl } from '../../src/losses/kl.js';
import { fixture } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';

const FAMILIES = [
  'bert',
  'distilbert',
  'roberta',
  'mpnet',
  'deberta',
  'modernbert',
  't5',
  't5-gated',
  'albert',
  'electra',
];

describe.each(FAMILIES)('%s', (family) => {
  it('takes as many FLOPs optimised as plain, cut under mean pooling as many as whole', async () => {
    const inspected = async (kind: string, pooling: 'first' | 'mean') => {
      const encoder = idEncoder(fixture(`families/${family}/${kind}.onnx`), pooling, family === 'roberta' ? 1 : 0);
      return (await inspectEncoder(encoder, kl({ mode: 'paper', latent: 8 }), { threads: 1 })).flops;
    };
    for (const pooling of ['first', 'mean'] as const) {
      const [plain, optimised] = [await inspected('plain', pooling), await inspected('optimised', pooling)];
      // Products of sizes with each other, as of relative positions, may be folded; those of the encoder may not.
      expect(optimised.trunk / plain.trunk).toBeGreaterThan(0.9);
      expect(optimised.trunk / plain.trunk).toBeLessThan(1.1);
      expect(optimised.tail).toBe(plain.tail);
      expect(optimised.gradient).toBe(plain.gradient);
      if (pooling === 'mean') expect(plain.trunk + plain.tail).toBe(plain.uncut);
    }
  });
});
