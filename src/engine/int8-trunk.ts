/**
 * A trunk whose products run in int8, made of the float32 model: weights are quantised once and kept in the cache; how large tensors
 * get is learnt from a few sentences that the encoder brings along. The tail stays in float32.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { FileLock } from '../core/file-lock.js';
import { fingerprint, sha256 } from '../core/fingerprint.js';
import { onStorage } from '../core/storage-failure.js';
import { fileDigest } from '../encoders/digests.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { linkedFolder, type LinkedFile } from '../encoders/linked-folder.js';
import { externalName } from '../onnx/external-path.js';
import { isQuantised } from '../onnx/quantised.js';
import { productGroups, type ProductGroup } from '../onnx/row-quantisation.js';
import { isExternal } from '../onnx/tensor.js';
import { multipliesBytesExactly } from '../runtime/integer-products.js';
import { acquireTrunk, assemble, type Findings, type ModelParts } from './assemble.js';
import { calibrate, INT8_RECIPE } from './calibration.js';
import type { ImportOptions } from './import-options.js';
import { layoutOf, writeWeights, type Layout } from './int8-file.js';
import { distance } from './tolerance.js';
import type { States } from './states.js';
import { encodeStates } from './trunk.js';
import { alone } from './trunk-runs.js';

/** How far the boundary may be from float32's: 0.05 on BERT-base and MiniLM. */
const TOLERANCE = 0.2;
/** Quantising takes seconds; one who waits longer for another to do it waits for nothing. */
const WAIT_MS = 600_000;

const recordSchema = z.object({
  schemes: z.array(z.object({ input: z.string(), zeroPoint: z.int() })),
  /** Of the file of weights. */
  sha256: z.string(),
  /** Largest relative distance of a boundary tensor from float32's. */
  error: z.number(),
});
type Int8Record = z.infer<typeof recordSchema>;

/** @throws {FungiError} INVALID_ARGUMENT for what int8 cannot be had with, before anything is loaded */
export function assertInt8(encoder: Encoder, { provider = 'cpu', cacheDir }: ImportOptions): void {
  if (provider !== 'cpu') {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${encoder.id}: precision int8 is for the CPU, not for provider "${provider}"`,
      {
        hint: 'Leave one of --precision and --provider out.',
      },
    );
  }
  if ((encoder.calibration?.() ?? []).length === 0) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${encoder.id}: precision int8 needs items to calibrate with; encoders of texts bring them, this one of modality "${encoder.modality}" does not`,
      { hint: 'Leave --precision out: a file in half precision is taken as it is.' },
    );
  }
  if (encoder.modelSha256 === '' || cacheDir === undefined) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${encoder.id}: precision int8 needs a cache folder, and an encoder that brings the digest of its model`,
    );
  }
}

/**
 * @returns the parts with that trunk in the place of their own, and how far its numbers are from float32's
 * @throws {FungiError} MODEL_UNSUPPORTED for a model without float32 products, when the numbers are not close to float32's, or on a
 *   machine that does not multiply bytes exactly; STORAGE_FAILED; INDEX_LOCKED when another process takes ten minutes to make the file
 */
export async function withInt8Trunk<P extends Prepared>(
  encoder: Encoder<P>,
  parts: ModelParts,
  findings: Findings,
  options: ImportOptions,
): Promise<{ readonly parts: ModelParts; readonly error: number; readonly products: number }> {
  const { graph, division } = parts;
  const groups = productGroups(graph, division.trunk.nodes);
  await assertQuantisable(encoder.id, parts, groups);
  const cacheDir = options.cacheDir!;
  return onStorage(`quantising ${encoder.id} in ${cacheDir}`, async () => {
    const folder = await linkedFolder(dataFiles(parts), cacheDir, options.log);
    const name = `int8-${keyOf(encoder, parts, findings)}`;
    const [weights, record] = [`${name}.bin`, join(folder, `${name}.json`)];
    const products = groups.reduce((sum, group) => sum + group.products.length, 0);
    const withTrunk = ({ groups: quantised, constants }: Layout): ModelParts => {
      const initializers = new Map([...division.trunk.initializers, ...constants]);
      return { ...parts, division: { ...division, trunk: { ...division.trunk, folder, initializers, quantised } } };
    };
    const kept = async (): Promise<Int8Record | undefined> => {
      const known = await readRecord(record, groups);
      if (known === undefined) return undefined;
      const digest = await fileDigest(join(folder, weights), cacheDir).catch(() => undefined);
      return known.sha256 === digest ? known : undefined;
    };
    const make = async (): Promise<Int8Record> => {
      options.log?.info(`${encoder.id}: quantising the weights of ${products} products to int8, once`);
      const samples = encoder.calibration!();
      const { schemes, channels } = await calibrate(encoder, parts, groups, samples, options);
      const layout = layoutOf(groups, schemes, weights);
      await writeWeights(join(folder, weights), layout, channels, parts.model.folder);
      // On every token, whatever pooling asks for now.
      const whole = { ...findings, sliced: false };
      const error = await errorOf(encoder, [parts, withTrunk(layout)], whole, samples, options);
      const sha256 = await fileDigest(join(folder, weights), cacheDir);
      // JSON has no NaN: a refusal is remembered as the largest number.
      const made = { schemes: [...schemes], sha256, error: Number.isFinite(error) ? error : Number.MAX_VALUE };
      await replaceFileWith(record, `${JSON.stringify(made)}\n`);
      return made;
    };
    let known = await kept();
    if (known === undefined) {
      const lock = await FileLock.acquire(`${record}.lock`, `int8 weights of ${encoder.id}`, { waitMs: WAIT_MS });
      try {
        known = (await kept()) ?? (await make());
      } finally {
        await lock.release();
      }
    }
    const { schemes, error } = known;
    // NaN is too far as well.
    if (!(error <= TOLERANCE)) throw tooFar(encoder.id, error);
    return { parts: withTrunk(layoutOf(groups, schemes, weights)), error, products };
  });
}

/** By all that decides what is in the file. */
function keyOf(encoder: Encoder, { graph }: ModelParts, { boundary }: Findings): string {
  const { modelSha256, preprocessorSha256 } = encoder;
  return fingerprint({
    recipe: INT8_RECIPE,
    ...{ modelSha256, preprocessorSha256, output: graph.outputs },
    // What the encoder makes of its items, which its length limit decides too.
    samples: sha256(JSON.stringify(encoder.calibration!())),
    boundary: boundary.map(({ name }) => name),
  }).slice(0, 16);
}

async function assertQuantisable(
  id: string,
  { model, graph }: ModelParts,
  groups: readonly ProductGroup[],
): Promise<void> {
  const refuse = (reason: string, hint: string): never => {
    throw new FungiError('MODEL_UNSUPPORTED', `${id}: precision int8 is made from a float32 export; ${reason}`, {
      hint,
    });
  };
  if (isQuantised(graph.nodes)) refuse(`${model.path} is quantised already`, 'Leave --precision out, or --file.');
  if (model.opset < 13)
    refuse(
      `${model.path} is of operator set ${model.opset}, and 13 is the oldest that quantises by rows`,
      'Export it with a newer opset, or leave --precision out.',
    );
  if (groups.length === 0)
    refuse(
      `${model.path} has no MatMul with a constant float32 weight of 64 × 64 or more (half precision and fused attention do not count)`,
      'Use the plain float32 export, or leave --precision out.',
    );
  if (!(await multipliesBytesExactly()))
    refuse(
      'this CPU overflows when it multiplies bytes, as x86 without VNNI does',
      'Leave --precision out on this machine.',
    );
}

const tooFar = (id: string, error: number): FungiError =>
  new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: in int8 the encoder's states differ by ${error.toPrecision(2)} from float32's (at most ${TOLERANCE})`,
    { hint: 'Its activations do not fit into 8 bits: leave --precision out.', details: { error } },
  );

/** The files that the model's constants lie in, under the names that the graph has for them. */
function dataFiles({ model, graph }: ModelParts): LinkedFile[] {
  const names = [...graph.initializers.values()]
    .filter(isExternal)
    .map((tensor) => tensor.externalData.find(({ key }) => key === 'location')!.value);
  return [...new Set(names)].sort().map((location) => {
    const name = externalName(location, model.path);
    return { path: join(model.folder, name), name };
  });
}

/** Undefined where there is none, or none of these groups. */
async function readRecord(path: string, groups: readonly ProductGroup[]): Promise<Int8Record | undefined> {
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const same = groups.every(({ input }, i) => record.schemes[i]?.input === input);
    return same && record.schemes.length === groups.length ? record : undefined;
  } catch {
    return undefined;
  }
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
      states.push(await encodeStates(() => alone(session), imported, encoder, samples));
    } finally {
      await session.release();
    }
  }
  const [exact, rounded] = states as [States, States];
  return Math.max(...exact.tensors.map((tensor, i) => distance(rounded.tensors[i]!, tensor)));
}
