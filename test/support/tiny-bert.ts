/** The expected values of the tiny BERT fixtures, and its heads and negatives as the engine takes them. */
import type { Pooling } from '../../src/encoders/encoder.js';
import type { Artefact, Artefacts } from '../../src/engine/engine.js';
import type { Mode } from '../../src/losses/loss.js';
import { readGolden, values, type GoldenArray } from './golden.js';

export interface GradientCase {
  readonly hiddenAct: string;
  readonly pooling: Pooling;
  readonly loss: 'kl' | 'simclr';
  readonly mode: Mode;
  readonly temperature: number;
  readonly value: GoldenArray;
  readonly gradient: GoldenArray;
  readonly projected: GoldenArray;
}

interface TinyBert {
  readonly texts: readonly (readonly number[])[];
  readonly views: readonly (readonly (readonly number[])[])[];
  readonly heads: Record<'kl' | 'simclr', { weight: GoldenArray; bias: GoldenArray }>;
  readonly negatives: GoldenArray;
  readonly projection: GoldenArray;
  readonly encoders: readonly {
    hiddenAct: string;
    lastHiddenState: GoldenArray[];
    pooled: Record<Pooling, GoldenArray>;
    viewPooled: Record<Pooling, GoldenArray>;
  }[];
  readonly cases: readonly GradientCase[];
  readonly features: readonly FeatureCase[];
}

export interface FeatureCase {
  readonly hiddenAct: string;
  readonly pooling: Pooling;
  readonly mode: Mode;
  readonly losses: readonly ('kl' | 'simclr')[];
  readonly feature: GoldenArray;
}

export const tinyBert = readGolden('fungi/tiny-bert/expected.json') as TinyBert;

/** [rows,columns] transposed: the fixtures keep heads as [L,D], the engine as [D,L]. */
export function transposed(matrix: GoldenArray): Float32Array {
  const [rows, columns] = matrix.shape as [number, number];
  const data = values(matrix);
  return Float32Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
}

export function tinyBertArtefacts(loss: 'kl' | 'simclr'): Artefacts {
  const { weight, bias } = tinyBert.heads[loss];
  const { negatives } = tinyBert;
  return {
    [`${loss}.head.weight`]: { data: transposed(weight), shape: weight.shape.toReversed() },
    [`${loss}.head.bias`]: { data: Float32Array.from(values(bias)), shape: bias.shape },
    ...(loss === 'simclr' && {
      'simclr.negatives': { data: transposed(negatives), shape: negatives.shape.toReversed() },
    }),
  };
}

/** D, and M of the fixture's projection. */
export const [TINY_DIMS, TINY_PROJECTED] = [32, 10];
const COLUMNS = TINY_DIMS + 1;
const projection = values(tinyBert.projection);

/** R [M, O·(I+1)] of the fixture, by rows of the gradient. */
export const tinyBertSigns = (row: number): Float32Array =>
  Float32Array.from({ length: COLUMNS * TINY_PROJECTED }, (_, at) => {
    const [column, m] = [row * COLUMNS + Math.floor(at / TINY_PROJECTED), at % TINY_PROJECTED];
    return projection[m * TINY_DIMS * COLUMNS + column]!;
  });

/** R as M directions of rank O: each of its rows is Σ_o e_o ⊗ [r_o; c_o]. Named as Nyström landmarks are, left as they are by `mix`. */
export function tinyBertDirections(): Record<'left' | 'right' | 'bias' | 'mix', Artefact> {
  const [O, M, J] = [TINY_DIMS, TINY_PROJECTED, TINY_PROJECTED * TINY_DIMS];
  const left = new Float32Array(O * J);
  const right = new Float32Array(O * J);
  const bias = new Float32Array(J);
  for (let j = 0; j < J; j++) {
    const [m, o] = [Math.floor(j / O), j % O];
    const row = projection.subarray((m * O + o) * COLUMNS, (m * O + o + 1) * COLUMNS);
    left[o * J + j] = 1;
    for (let i = 0; i < O; i++) right[i * J + j] = row[i]!;
    bias[j] = row[O]!;
  }
  const mix = Float32Array.from({ length: M * M }, (_, at) => Number(at % M === Math.floor(at / M)));
  return {
    left: { data: left, shape: [O, J] },
    right: { data: right, shape: [O, J] },
    bias: { data: bias, shape: [J] },
    mix: { data: mix, shape: [M, M] },
  };
}
