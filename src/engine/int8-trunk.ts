/**
 * A trunk whose products run in int8, made of the float32 model: weights are quantised once and kept in the cache; how large tensors
 * get is learnt from a few sentences that the encoder brings along. The tail stays in float32.
 */
import { readFile, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { LIBRARY_VERSION } from '../core/version.js';
import { fileDigest } from '../encoders/digests.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { linkedFolder } from '../encoders/linked-folder.js';
import { isQuantised } from '../onnx/quantised.js';
import {
  GELU_MINIMUM,
  GELU_ZERO_POINT,
  productGroups,
  SYMMETRIC_ZERO_POINT,
  type ProductGroup,
} from '../onnx/row-quantisation.js';
import { isExternal } from '../onnx/tensor.js';
import { acquireTrunk, assemble, type Findings, type ModelParts } from './assemble.js';
import type { ImportOptions } from './import-options.js';
import { layoutOf, writeWeights, type Layout, type Scheme } from './int8-file.js';
import { distance } from './precision.js';
import { runUncut } from './probe.js';
import { rangeOf, type Range } from './smoothing.js';
import type { States } from './states.js';
import { encodeStates, uncutGraph, type TrunkSource } from './trunk.js';

/** How far the boundary may be from float32's: 0.05 on BERT-base; arithmetic that overflows is near 1 away. */
const TOLERANCE = 0.2;

const recordSchema = z.object({
  schemes: z.array(z.object({ input: z.string(), zeroPoint: z.int() })),
  /** Of the file of weights. */
  sha256: z.string(),
  /** Largest relative distance of a boundary tensor from float32's. */
  error: z.number(),
});

/**
 * @returns the parts with that trunk in the place of their own
 * @throws {FungiError} MODEL_UNSUPPORTED for a model without float32 products, or when the numbers are not close to float32's;
 *   INVALID_ARGUMENT without a cache or calibration items
 */
export async function withInt8Trunk<P extends Prepared>(
  encoder: Encoder<P>,
  parts: ModelParts,
  findings: Findings,
  options: ImportOptions,
): Promise<ModelParts> {
  const { id } = encoder;
  const { model, graph, division } = parts;
  const { provider = 'cpu' } = options;
  const groups = productGroups(graph, division.trunk.nodes);
  const [samples, cacheDir] = [encoder.calibration?.() ?? [], options.cacheDir];
  if (samples.length === 0 || cacheDir === undefined) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${id}: precision int8 needs a cache folder and an encoder that brings items to calibrate with`,
    );
  }
  if (provider !== 'cpu') {
    throw new FungiError('INVALID_ARGUMENT', `${id}: precision int8 is for the CPU, not for provider "${provider}"`, {
      hint: 'Leave one of --precision and --provider out.',
    });
  }
  const rounded = isQuantised(division.trunk.nodes);
  if (groups.length === 0 || model.opset < 13 || rounded) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${id}: precision int8 is made of products with float32 weights in operator set 13 or newer; ${model.path} ${rounded ? 'is quantised already' : `(operator set ${model.opset}) has ${groups.length}`}`,
      { hint: 'Use the float32 export of the model, or leave --precision out.' },
    );
  }
  const files = dataFiles(parts);
  const folder = await linkedFolder(files, cacheDir, options.log);
  const key = fingerprint({
    ...{ version: LIBRARY_VERSION, model: encoder.modelSha256, preprocessor: encoder.preprocessorSha256 },
    // Integers that overflow do so on some machines only.
    ...{ cpu: cpus()[0]?.model, output: graph.outputs, boundary: findings.boundary.map(({ name }) => name) },
  }).slice(0, 16);
  const [weights, record] = [`int8-${key}.bin`, join(folder, `int8-${key}.json`)];

  const sourceOf = ({ groups: quantised, constants }: Layout): TrunkSource => ({
    ...division.trunk,
    folder,
    initializers: new Map([...division.trunk.initializers, ...constants]),
    quantised,
  });
  const withTrunk = (layout: Layout): ModelParts => ({ ...parts, division: { ...division, trunk: sourceOf(layout) } });
  const known = await readRecord(record, groups);
  const path = join(folder, weights);
  if (known !== undefined && known.sha256 === (await fileDigest(path, cacheDir).catch(() => undefined)))
    return withTrunk(layoutOf(groups, known.schemes, weights));

  options.log?.info(`${id}: quantising ${groups.length} tensors' products to int8, once`);
  const ranges = await calibrate(encoder, parts, groups, samples, options);
  const schemes = groups.map(({ input }, i): Scheme => ({ input, zeroPoint: zeroPointOf(ranges[i]!) }));
  const layout = layoutOf(groups, schemes, weights);
  await writeWeights(path, layout, ranges.map(({ channels }) => channels), model.folder); // prettier-ignore
  const made = withTrunk(layout);
  const error = await errorOf(encoder, [parts, made], findings, samples, options);
  if (error > TOLERANCE) {
    await rm(path, { force: true });
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${id}: in int8 the encoder's states differ by ${error.toFixed(2)} from float32's (at most ${TOLERANCE})`,
      { hint: 'Leave --precision out. A CPU without VNNI instructions overflows in 8 bits.', details: { error } },
    );
  }
  await replaceFileWith(record, `${JSON.stringify({ schemes, sha256: await fileDigest(path, cacheDir), error })}\n`);
  return made;
}

/** The files that the trunk's constants lie in. */
function dataFiles({ model, graph }: ModelParts): string[] {
  const names = [...graph.initializers.values()]
    .filter(isExternal)
    .map((tensor) => tensor.externalData.find(({ key }) => key === 'location')!.value);
  return [...new Set(names)].sort().map((name) => join(model.folder, name));
}

type Int8Record = z.infer<typeof recordSchema>;

/** Undefined where there is none, or none of these groups. */
async function readRecord(path: string, groups: readonly ProductGroup[]): Promise<Int8Record | undefined> {
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const { schemes } = record;
    return schemes.length === groups.length && groups.every(({ input }, i) => schemes[i]!.input === input)
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}

/** What the tensors of the groups look like in the model as it is. */
async function calibrate<P extends Prepared>(
  encoder: Encoder<P>,
  { model, graph }: ModelParts,
  groups: readonly ProductGroup[],
  samples: readonly P[],
  options: ImportOptions,
): Promise<Range[]> {
  const tensors = groups.map(({ input }) => input);
  const batches = samples.map((sample) => [sample]);
  const runs = await runUncut(encoder, uncutGraph(model, graph, tensors), tensors, batches, {
    ...options,
    folder: model.folder,
  });
  return groups.map(({ input, width }) =>
    rangeOf(
      runs.map(({ tensors: found }) => found[input]!.data as Float32Array),
      width,
    ),
  );
}

/** What GELU and the like make is bounded below; a tensor of small numbers must not be taken for that. */
function zeroPointOf({ least, largest }: Range): number {
  const geluLike = least >= GELU_MINIMUM && largest * GELU_ZERO_POINT >= -GELU_MINIMUM * (255 - GELU_ZERO_POINT);
  return geluLike ? GELU_ZERO_POINT : SYMMETRIC_ZERO_POINT;
}

/** Largest relative distance between boundary tensors of two trunks. */
async function errorOf<P extends Prepared>(
  encoder: Encoder<P>,
  trunks: readonly [ModelParts, ModelParts],
  findings: Findings,
  samples: readonly P[],
  options: ImportOptions,
): Promise<number> {
  const states: States[] = [];
  for (const parts of trunks) {
    const imported = assemble(encoder, parts, findings);
    const session = await acquireTrunk(imported, options);
    try {
      states.push(await encodeStates(session, imported, encoder, samples));
    } finally {
      await session.release();
    }
  }
  const [exact, rounded] = states as [States, States];
  return Math.max(...exact.tensors.map((tensor, i) => distance(rounded.tensors[i]!, tensor)));
}
