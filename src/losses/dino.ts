/** DINO's self-distillation between the crops of an image (paper equation 4, Table 22; released code `grads_dino.py`). */
import { ops } from '../onnx/ops.js';
import { headShapes, writeHead, type Head } from './head.js';
import type { Loss } from './loss.js';

/** Whether student and teacher have a head each or the same one (paper Table 18). */
export const DINO_HEADS = ['independent', 'shared'] as const;
export type DinoHeads = (typeof DINO_HEADS)[number];

/** What DINO and iBOT have in common. */
export interface DistillationOptions {
  /** Global crops: an item's first views, and all that the teacher sees. @default 2 */
  readonly globals?: number;
  /** Local crops, which follow the global ones. @default 10 */
  readonly locals?: number;
  /** @default 'linear' */
  readonly head?: Head;
  /** @default 'independent' */
  readonly heads?: DinoHeads;
  /** Whether f(x) is brought to unit length before the heads. @default true */
  readonly normalise?: boolean;
  /** L of a linear head. @default 2048 */
  readonly latent?: number;
  /** @default 0.07 */
  readonly teacherTemperature?: number;
  /** @default 0.1 */
  readonly studentTemperature?: number;
}

export interface DinoOptions extends DistillationOptions {
  /** Whether a global crop is also compared with itself. @default true */
  readonly sameView?: boolean;
}

export const DISTILLATION_DEFAULTS = {
  globals: 2,
  locals: 10,
  head: 'linear',
  heads: 'independent',
  normalise: true,
  latent: 2048,
  teacherTemperature: 0.07,
  studentTemperature: 0.1,
} as const;

export const DINO_DEFAULTS = { ...DISTILLATION_DEFAULTS, sameView: true } as const;

const TEACHER = 'teacher.head';

/**
 * The cross-entropies −Σ_l p_l·log q_l of the teacher's p = softmax(t/τ_t) of each global crop and the student's q = softmax(z/τ_s) of
 * each crop, summed over all V·globals pairs of an item. Both have the encoder's f(x); the teacher's is a constant to the derivative.
 *
 * The paper calls equation 4 "the standard DINO loss", which leaves out pairs of a crop with itself and centres the teacher; the released
 * code and library keep such pairs (`skip_same_view=False`; "more predictive gradients") and centre nothing, and so does this, in both
 * modes. The authors sum as well, and then average over a batch: a factor that is gone after normalisation.
 */
export function dino(options: DinoOptions = {}): Loss {
  const { globals, locals, heads, teacherTemperature, studentTemperature, sameView, ...head } = {
    ...DINO_DEFAULTS,
    ...options,
  };
  const views = globals + locals;
  const teacher = heads === 'shared' ? 'head' : TEACHER;
  return {
    name: 'dino',
    views,
    artefacts: (dims) => ({ ...headShapes(head, dims), ...headShapes(head, dims, teacher) }),
    write(g, features, artefacts) {
      const { sub, mul, div, exp, sum, matmul, transpose, slice, logSumExp, stopGradient, toFloat64, toFloat32 } =
        ops(g);
      const z = div(toFloat64(writeHead(g, features, artefacts, head)), studentTemperature); // [B,V,L]
      const seen = stopGradient(slice(features, 1, 0, globals)); // [B,globals,D]
      const t = div(toFloat64(writeHead(g, seen, artefacts, head, teacher)), teacherTemperature); // [B,globals,L]
      const p = exp(sub(t, logSumExp(t, [-1], true)));
      // −Σ p·log q = log Σ exp z − p·z, since p sums to 1.
      const pairs = sub(logSumExp(z, [-1], true), matmul(z, transpose(p))); // [B,V,globals]
      if (sameView) return toFloat32(sum(pairs, [1, 2]));
      const others = g.constant({ type: 'float64', data: otherCrops(views, globals), shape: [views, globals] });
      return toFloat32(sum(mul(pairs, others), [1, 2]));
    },
  };
}

/** 0 where row and column of a V×globals matrix are the same crop, else 1. */
function otherCrops(views: number, globals: number): Float64Array {
  return Float64Array.from({ length: views * globals }, (_, i) => Number(Math.floor(i / globals) !== i % globals));
}
