/**
 * Takes an encoder's ONNX file apart: target layer, trunk, tail, and whether the tail may see the first token alone. What is found
 * out by trying is remembered, since trying loads and runs the whole model.
 */
import { silentLogger } from '../core/log.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { Graph } from '../onnx/graph.js';
import { readModel } from '../onnx/model.js';
import type { SharedSession } from '../runtime/shared-session.js';
import { acquireTrunk, assemble, type Findings, type ModelParts } from './assemble.js';
import { divide } from './divide.js';
import { readFindings, writeFindings } from './findings.js';
import type { ImportOptions } from './import-options.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { assertInt8, withInt8Trunk } from './int8-trunk.js';
import { assertEncoder, assertVocabulary } from './model-inputs.js';
import { tokensRead } from './pooling.js';
import { findTokenStates, type TokenStates } from './token-states.js';
import { tryOut } from './try-out.js';

export interface LoadedEncoder {
  readonly imported: ImportedEncoder;
  /** Session of its trunk; the caller's to release. */
  readonly trunk: SharedSession;
}

export interface ImportedModel extends LoadedEncoder {
  /** The same encoder unsliced, which hands over all tokens; a session of its own. */
  readonly loadWhole: () => Promise<LoadedEncoder>;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, TOKENIZER_INVALID, PROVIDER_UNAVAILABLE,
 *   RUNTIME_FAILED; INVALID_ARGUMENT for an output that is not there
 */
export async function importEncoder<P extends Prepared>(
  encoder: Encoder<P>,
  options: ImportOptions = {},
): Promise<ImportedModel> {
  const { id } = encoder;
  const { precision = 'model' } = options;
  if (precision === 'int8') assertInt8(encoder, options);
  const { parts, states } = await readParts(encoder, options);

  const kept = await readFindings(encoder, options);
  const known = kept && isOf(kept, parts) ? kept : undefined;
  const tried = known === undefined ? await tryOut(encoder, parts, states, options) : undefined;
  const findings = known ?? tried!.findings;
  if (tried !== undefined) await writeFindings(encoder, options, findings);
  const log = options.log ?? silentLogger;
  if (findings.unsliced !== undefined) {
    const read = tokensRead(encoder.pooling, findings.vector)!;
    log.warn(
      `${id}: what follows the last attention does not work on ${read === 1 ? 'token 0' : `the first ${read} tokens`} alone (${findings.unsliced}); computing every token, which is slower`,
    );
  }
  if (parts.division.trunk.single)
    log.warn(
      `${id}: the file takes one item a run: items are computed one by one; export it with a dynamic batch axis`,
    );
  const loadAs = async (own: ModelParts, found: Findings): Promise<LoadedEncoder> => {
    const imported = assemble(encoder, own, found);
    return { imported, trunk: await acquireTrunk(imported, options) };
  };
  const whole = { ...findings, sliced: false };
  if (tried !== undefined && precision === 'model') return { ...tried, loadWhole: () => loadAs(parts, whole) };
  await tried?.trunk.release();
  const chosen = precision === 'int8' ? (await withInt8Trunk(encoder, parts, findings, options)).parts : parts;
  return { ...(await loadAs(chosen, findings)), loadWhole: () => loadAs(chosen, whole) };
}

/** Whether findings are of a model that is divided so: another version may have divided it otherwise. */
const isOf = ({ boundary }: Findings, { division }: ModelParts): boolean =>
  boundary.map(({ name }) => name).join('\n') === division.boundary.join('\n');

/** The model as its file has it, and where it divides. @throws {FungiError} as {@link importEncoder}, but for what only running it tells */
export async function readParts(
  encoder: Encoder,
  options: ImportOptions,
): Promise<{ readonly parts: ModelParts; readonly states: TokenStates }> {
  const { id } = encoder;
  const model = await readModel(encoder.modelPath);
  const proto = model.proto.graph!;
  assertEncoder(id, proto);
  const states = findTokenStates(proto, id, options.output);
  const graph = new Graph(proto, [states.tensor]);
  assertVocabulary(encoder, graph);
  return { parts: { model, graph, division: await divide(encoder, model, graph, options) }, states };
}
