/**
 * iBOT: DINO between the class tokens of crops, and the same cross-entropy at masked patches (Zhou et al. 2022). The paper names it (Appendix
 * B.6, Figure 10) without formula, and its code is not released: this is ours.
 */
import type { GraphBuilder } from '../onnx/builder.js';
import { ops } from '../onnx/ops.js';
import { DISTILLATION_DEFAULTS, type DistillationOptions } from './dino.js';
import { headShapes, writeHead, type HeadOptions } from './head.js';
import type { Loss } from './loss.js';

/**
 * The global crops are what the student sees first, masked, and all that the teacher sees, unmasked. `heads` are of student and teacher:
 * class token and patches share theirs, as iBOT's trained models do.
 */
export interface IbotOptions extends DistillationOptions {
  /** Masked patches of a global crop. @default 59, three in ten of 14 × 14 */
  readonly patches?: number;
}

export const IBOT_DEFAULTS = { ...DISTILLATION_DEFAULTS, patches: 59 } as const;

/**
 * With H(p, z) = −Σ_l p_l·log q_l of the teacher's p = softmax(t/τ_t) and the student's q = softmax(z/τ_s): the mean of H over all pairs of a
 * class token of the teacher's crops and one of the student's, and the mean of H over the masked patches, each against the same patch
 * of the same crop unmasked. Both means count alike, as in iBOT's code; nothing is centred, and pairs of one crop are kept (the
 * student's is masked), as our DINO does. The teacher's states are constants to the derivative.
 *
 * Views are tokens: [student's class tokens (masked global crops, local crops), teacher's (global crops), masked patches as the student
 * sees them, crop by crop, the same as the teacher sees them].
 */
export function ibot(options: IbotOptions = {}): Loss {
  const { globals, locals, patches, heads, teacherTemperature, studentTemperature, ...head } = {
    ...IBOT_DEFAULTS,
    ...options,
  };
  const student = globals + locals;
  const masked = globals * patches;
  const ends = [student, student + globals, student + globals + masked, student + globals + 2 * masked] as const;
  const teacher = heads === 'shared' ? 'head' : 'teacher.head';
  return {
    name: 'ibot',
    needs: 'tokens',
    views: ends[3],
    artefacts: (dims) => ({ ...headShapes(head, dims), ...headShapes(head, dims, teacher) }),
    write(g, features, artefacts) {
      const { add, sub, mul, mean, sum, matmul, transpose, slice, logSumExp, stopGradient, toFloat32 } = ops(g);
      const latents = (from: number, to: number): string =>
        scaledLatents(g, slice(features, 1, from, to), artefacts, head, 'head', studentTemperature);
      const taught = (from: number, to: number): string => {
        const seen = stopGradient(slice(features, 1, from, to));
        return softmax(g, scaledLatents(g, seen, artefacts, head, teacher, teacherTemperature));
      };
      // −Σ p·log q = log Σ exp z − p·z, since p sums to 1.
      const [z, p] = [latents(0, ends[0]), taught(ends[0], ends[1])]; // [B,student,L], [B,globals,L]
      const crops = sub(logSumExp(z, [-1], true), matmul(z, transpose(p))); // [B,student,globals]
      const [patch, target] = [latents(ends[1], ends[2]), taught(ends[2], ends[3])]; // [B,masked,L]
      const hidden = sub(logSumExp(patch, [-1], true), sum(mul(patch, target), [-1], true)); // [B,masked,1]
      return toFloat32(add(mean(crops, [1, 2]), mean(hidden, [1, 2])));
    },
  };
}

/** h(f)/τ, in float64. */
function scaledLatents(
  g: GraphBuilder,
  states: string,
  artefacts: Readonly<Record<string, string>>,
  head: HeadOptions,
  name: string,
  temperature: number,
): string {
  const { div, toFloat64 } = ops(g);
  return div(toFloat64(writeHead(g, states, artefacts, head, name)), temperature);
}

function softmax(g: GraphBuilder, z: string): string {
  const { sub, exp, logSumExp } = ops(g);
  return exp(sub(z, logSumExp(z, [-1], true)));
}
