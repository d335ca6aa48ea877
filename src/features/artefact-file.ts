/** Frozen artefacts on disk: one safetensors file. */
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '../core/safetensors.js';
import { FungiError } from '../core/errors.js';
import type { GradientEngine } from '../engine/engine.js';
import { blockWidths, type FeatureArtefacts } from './frozen.js';
import type { FeatureSpec } from './spec.js';

/** Its name in an index, beside manifest and table; the other file is the reducer's. */
export const ARTEFACTS_FILE = 'artefacts.safetensors';

export async function saveArtefacts(path: string, { tensors }: FeatureArtefacts): Promise<void> {
  const named = new Map<string, SafetensorsTensor>();
  for (const [name, { data, shape }] of Object.entries(tensors)) named.set(name, { dtype: 'F32', data, shape });
  await writeSafetensors(path, named);
}

/** @throws {FungiError} INDEX_CORRUPT when a tensor is not float32; what reading the file throws */
export async function loadArtefacts(
  path: string,
  engine: GradientEngine,
  spec: FeatureSpec,
): Promise<FeatureArtefacts> {
  const tensors: Record<string, FeatureArtefacts['tensors'][string]> = {};
  for (const [name, { data, shape }] of await readSafetensors(path)) {
    if (!(data instanceof Float32Array))
      throw new FungiError('INDEX_CORRUPT', `${path}: tensor "${name}" is not float32`);
    tensors[name] = { data, shape };
  }
  return { tensors, widths: blockWidths(engine, spec, tensors) };
}
