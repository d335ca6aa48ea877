/** The basis of a fitted reducer on disk, one safetensors file; what else there is to it the manifest has. */
import { FungiError } from '../core/errors.js';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '../core/safetensors.js';
import { Blend } from '../reduce/blend.js';
import { Identity } from '../reduce/identity.js';
import { Lda } from '../reduce/lda.js';
import { Pca } from '../reduce/pca.js';
import type { Reducer } from '../reduce/reducer.js';
import { STORED_SHARE } from '../reduce/shares.js';
import { StandIn } from '../reduce/stand-in.js';
import type { ReducerFacts, ShrinkageFacts } from '../store/manifest.js';

type Tensors = readonly (readonly [name: string, tensor: SafetensorsTensor])[];

export const saveReducer = (path: string, reducer: Reducer): Promise<void> =>
  writeSafetensors(path, new Map(tensorsOf(reducer)));

/**
 * @param facts what the manifest says of it
 * @throws {FungiError} INDEX_CORRUPT when a part is missing; what reading the file throws
 */
export async function loadReducer(path: string, facts: ReducerFacts): Promise<Reducer> {
  const tensors = await readSafetensors(path);
  const part: Part = (name, type) => {
    const data = tensors.get(name)?.data;
    if (data instanceof type) return data;
    throw new FungiError('INDEX_CORRUPT', `${path}: tensor "${name}" is missing or of another type`);
  };
  if (facts.kind === 'none') return new Identity(facts.dims);
  if (facts.kind === 'pca') return loadedPca(part);
  if (facts.kind === 'lda') return loadedLda(part, facts);
  return new Blend(
    loadedLda(within(part, SUPERVISED), facts),
    loadedPca(within(part, UNSUPERVISED)),
    STORED_SHARE,
    facts.unsupervised.first,
  );
}

/** Prefixes of a blend's parts. */
const SUPERVISED = 'supervised.';
const UNSUPERVISED = 'unsupervised.';

function tensorsOf(reducer: Reducer): Tensors {
  if (reducer instanceof StandIn) return tensorsOf(reducer.reducer);
  if (reducer instanceof Pca) return pcaTensors(reducer);
  if (reducer instanceof Lda) return ldaTensors(reducer);
  if (!(reducer instanceof Blend)) return [];
  return [
    ...ldaTensors(reducer.supervised).map(([name, tensor]) => [SUPERVISED + name, tensor] as const),
    ...pcaTensors(reducer.unsupervised).map(([name, tensor]) => [UNSUPERVISED + name, tensor] as const),
  ];
}

function pcaTensors({ mean, components, variance, totalVariance, rows }: Pca): Tensors {
  const F = mean.length;
  return [
    ['mean', { dtype: 'F32', data: mean, shape: [F] }],
    ['components', { dtype: 'F32', data: components, shape: [components.length / F, F] }],
    ['variance', { dtype: 'F32', data: variance, shape: [variance.length] }],
    ['statistics', { dtype: 'F64', data: Float64Array.of(totalVariance, rows), shape: [2] }],
  ];
}

const ldaTensors = ({ mean, directions, dims }: Lda): Tensors => [
  ['mean', { dtype: 'F32', data: mean, shape: [mean.length] }],
  ['directions', { dtype: 'F32', data: directions, shape: [dims, mean.length] }],
];

/** @throws {FungiError} INDEX_CORRUPT */
type Part = <T>(name: string, type: new (length: number) => T) => T;

const within =
  (part: Part, prefix: string): Part =>
  (name, type) =>
    part(prefix + name, type);

function loadedPca(part: Part): Pca {
  const variance = part('variance', Float32Array);
  const [totalVariance = 0, rows = 0] = part('statistics', Float64Array);
  const [mean, components] = [part('mean', Float32Array), part('components', Float32Array)];
  return new Pca(mean, components, variance, totalVariance, rows, variance.length === 0);
}

const loadedLda = (part: Part, { shrinkage: { value, scores } }: ShrinkageFacts): Lda =>
  new Lda(part('mean', Float32Array), part('directions', Float32Array), { shrinkage: value, scores });
