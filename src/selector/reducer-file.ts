/** A fitted PCA on disk: one safetensors file. */
import { FungiError } from '../core/errors.js';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '../core/safetensors.js';
import { Pca } from '../reduce/pca.js';

export async function savePca(path: string, pca: Pca): Promise<void> {
  const { mean, components, variance, totalVariance, rows } = pca;
  const F = mean.length;
  await writeSafetensors(
    path,
    new Map<string, SafetensorsTensor>([
      ['mean', { dtype: 'F32', data: mean, shape: [F] }],
      ['components', { dtype: 'F32', data: components, shape: [components.length / F, F] }],
      ['variance', { dtype: 'F32', data: variance, shape: [variance.length] }],
      ['statistics', { dtype: 'F64', data: Float64Array.of(totalVariance, rows), shape: [2] }],
    ]),
  );
}

/** @throws {FungiError} INDEX_CORRUPT when a part is missing; what reading the file throws */
export async function loadPca(path: string): Promise<Pca> {
  const tensors = await readSafetensors(path);
  const part = (name: string): Float32Array => {
    const data = tensors.get(name)?.data;
    if (data instanceof Float32Array) return data;
    throw new FungiError('INDEX_CORRUPT', `${path}: tensor "${name}" is missing or not float32`);
  };
  const statistics = tensors.get('statistics')?.data as Float64Array | undefined;
  const variance = part('variance');
  const [totalVariance = 0, rows = 0] = statistics ?? [];
  return new Pca(part('mean'), part('components'), variance, totalVariance, rows, variance.length === 0);
}
