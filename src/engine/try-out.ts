/** What only a run tells of a model: sizes of its tensors, whether padding is masked, and whether it can be cut and sliced. */
import { FungiError } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import type { SharedSession } from '../runtime/shared-session.js';
import { assemble, type Findings, type ModelParts } from './assemble.js';
import type { ImportOptions } from './import-options.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { observe } from './observe.js';
import { distance, SLICE_TOLERANCE, TOLERANCE } from './tolerance.js';
import { tokensRead } from './pooling.js';
import { runCut } from './probe.js';
import type { TokenStates } from './token-states.js';

/** Relative distances of f(x), as they were found. */
export interface Checks {
  /** Of an item beside a longer one from the same alone; absent where items run alone. */
  readonly padding?: number;
  /** Of trunk and tail from the whole. */
  readonly cut: number;
}

export interface Trial {
  readonly findings: Findings;
  readonly checks: Checks;
  readonly imported: ImportedEncoder;
  readonly trunk: SharedSession;
}

/** @throws {FungiError} MODEL_UNSUPPORTED for what cannot be used, and what loading and running a graph throws */
export async function tryOut<P extends Prepared>(
  encoder: Encoder<P>,
  parts: ModelParts,
  states: TokenStates,
  options: ImportOptions,
): Promise<Trial> {
  const observed = await observe(encoder, parts, states, options);
  const { dims, boundary, vector, tokens, precision, pooled, padding } = observed;

  /** Trunk and tail against f(x) of another way; the trunk is released where they differ. */
  const attempt = async (findings: Findings, reference: Float32Array, tolerance: number): Promise<Attempt> => {
    const imported = assemble(encoder, parts, findings);
    const run = await runCut(imported, encoder, options);
    const error = FungiError.is(run.pooled) ? Infinity : distance(run.pooled, reference);
    if (error <= tolerance) {
      const checks = { cut: error, ...(padding !== undefined && { padding }) };
      return { trial: { findings, checks, imported, trunk: run.trunk }, pooled: run.pooled as Float32Array };
    }
    await run.trunk.release();
    return {
      difference: FungiError.is(run.pooled) ? run.pooled.message : `it differs by ${error.toExponential(1)}`,
    };
  };
  const everyToken = async (unsliced?: string): Promise<Success> => {
    const full = await attempt(
      { dims, boundary, vector, tokens, sliced: false, unsliced },
      pooled,
      TOLERANCE[precision],
    );
    if ('trial' in full) return full;
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${encoder.id}: cut at ${parts.division.target.output} the model computes something else (${full.difference})`,
      { hint: 'Name another target layer with --target.' },
    );
  };
  // What some tokens become behind an attention depends on the others.
  const read = tokensRead(encoder.pooling, vector);
  if (read === undefined || parts.division.tail.attends) return (await everyToken()).trial;

  // Where the tail is more exact than the encoder, some tokens are compared with all of them and not with the encoder.
  let reference = pooled;
  if (precision !== 'float32') {
    const exact = await everyToken();
    await exact.trial.trunk.release();
    reference = exact.pooled;
  }
  const first = await attempt({ dims, boundary, vector, tokens, sliced: true }, reference, SLICE_TOLERANCE[precision]);
  return 'trial' in first ? first.trial : (await everyToken(first.difference)).trial;
}

interface Success {
  readonly trial: Trial;
  readonly pooled: Float32Array;
}

/** What trunk and tail are like: good, or in what they differ from the other way. */
type Attempt = Success | { readonly difference: string };
