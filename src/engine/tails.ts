/** How tails are computed: by onnxruntime on a graph that holds the derivative too, or by TensorFlow.js, which derives it itself. */
import { FungiError } from '../core/errors.js';
import type { Feeds, Tensor } from '../runtime/session.js';
import type { ImportedEncoder } from './imported-encoder.js';
import type { OutputName, TailSpec } from './tail.js';

export const ENGINES = ['onnx', 'tfjs'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface Tail {
  readonly outputs: readonly OutputName[];
  /**
   * Rows of more tokens than this are computed in another way than the others: no run may hold both, or an item's numbers would depend
   * on what is computed beside it. @default Infinity
   */
  readonly apart?: number;
  /** @param feeds boundary, pooling weights, rows and artefacts */
  run(feeds: Feeds): Promise<Readonly<Record<OutputName, Tensor>>>;
}

export interface Tails {
  readonly engine: EngineName;
  /** @throws {FungiError} OP_UNSUPPORTED when a gradient cannot be had */
  assertDifferentiable(): void;
  load(spec: TailSpec): Promise<Tail>;
  close(): Promise<void>;
}

/** @throws {FungiError} OP_UNSUPPORTED where the tail is known to have no derivative */
export function assertExact({ id, tail: { undifferentiable } }: ImportedEncoder): void {
  if (undefined === undifferentiable) return;
  const { reason, hint } = undifferentiable;
  throw new FungiError('OP_UNSUPPORTED', `${id}: ${reason}`, { hint, details: { reason } });
}
