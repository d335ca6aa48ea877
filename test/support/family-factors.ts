/** The KL factors of each encoder family's fixture: of this process, and of another that runs family-factors-child.ts. */
import { createEngine } from '../../src/engine/create-engine.js';
import { kl } from '../../src/losses/kl.js';
import { fixture, readGolden, values, type GoldenArray } from './golden.js';
import { asItem, idEncoder } from './id-encoder.js';
import { transposed } from './tiny-bert.js';

export const FAMILIES = [
  ...['bert', 'distilbert', 'roberta', 'mpnet', 'deberta', 'modernbert', 't5', 't5-gated', 'albert', 'electra'],
] as const;

interface Golden {
  readonly pad: number;
  readonly texts: readonly (readonly number[])[];
  readonly heads: { readonly kl: { readonly weight: GoldenArray; readonly bias: GoldenArray } };
}

/** Apart, since δ is a millionth of x. */
export interface FamilyFactors {
  readonly delta: readonly number[];
  readonly x: readonly number[];
}

/** Of all texts of each family, in the order given. */
export async function familyFactors(families: readonly string[]): Promise<Record<string, FamilyFactors>> {
  const found: Record<string, FamilyFactors> = {};
  for (const family of families) {
    const { pad, texts, heads } = readGolden(`families/${family}/expected.json`) as Golden;
    const { weight, bias } = heads.kl;
    const engine = await createEngine(idEncoder(fixture(`families/${family}/plain.onnx`), 'mean', pad), { threads: 1 });
    try {
      const loss = kl({ mode: 'paper', latent: bias.shape[0]! });
      const program = await engine.program(
        { loss, gradient: { kind: 'factors' } },
        {
          'kl.head.weight': { data: transposed(weight), shape: weight.shape.toReversed() },
          'kl.head.bias': { data: Float32Array.from(values(bias)), shape: bias.shape },
        },
      );
      const states = await engine.encode(texts.map(asItem));
      const { factors } = await program.run(states, [...texts.keys()].map((place) => [place])); // prettier-ignore
      found[family] = { delta: factors.flatMap(({ delta }) => [...delta]), x: factors.flatMap(({ x }) => [...x]) };
    } finally {
      await engine.close();
    }
  }
  return found;
}
