/** KL divergence between the softmaxed latents and a uniform distribution (paper equation 6, Algorithm 1). */
import { ops } from '../onnx/ops.js';
import { headShapes, writeHead, type Head } from './head.js';
import type { Loss, Mode } from './loss.js';

export interface KlOptions {
  readonly mode: Mode;
  /** Softmax temperature T (paper Tables 22 and 24). @default 15 */
  readonly temperature?: number;
  /** @default 'linear' */
  readonly head?: Head;
  /** Whether f(x) is brought to unit length before the head. @default true */
  readonly normalise?: boolean;
  /** L of a linear head. @default 768 */
  readonly latent?: number;
}

export const KL_DEFAULTS = { temperature: 15, head: 'linear', normalise: true, latent: 768 } as const;

/**
 * With c = (z − mean z)/T and q = log(p·L) = c − log(mean exp c), the log of p over the uniform 1/L: `paper` is
 * KL(p‖U) = mean(exp(q)·q), `reference` is KL(U‖p) = −mean(q).
 *
 * At D = L = 768 and T = 15 the logits spread by 2e-3 around log(1/L) = −6.6 and the loss is about 2e-6, which float32 loses when it is
 * written with log p (2.4e-4 relative error in the gradient). Everything here is near 0 instead, and in float64 where there is any.
 */
export function kl(options: KlOptions): Loss {
  const { mode, temperature, ...head } = { ...KL_DEFAULTS, ...options };
  return {
    name: 'kl',
    views: 1,
    artefacts: (dims) => headShapes(head, dims),
    write(g, features, artefacts) {
      const { sub, mul, div, neg, exp, log, mean, toFloat64, toFloat32 } = ops(g);
      const z = toFloat64(writeHead(g, features, artefacts, head)); // [B,1,L]
      const c = div(sub(z, mean(z, [-1], true)), temperature);
      const q = sub(c, log(mean(exp(c), [-1], true)));
      const loss = mode === 'paper' ? mean(mul(exp(q), q), [1, 2]) : neg(mean(q, [1, 2]));
      return toFloat32(loss); // [B]
    },
  };
}
