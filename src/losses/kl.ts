/** KL divergence between the softmaxed latents and a uniform distribution (paper equation 6, Algorithm 1). */
import { ops } from '../onnx/ops.js';
import { headShapes, type Loss, type Mode } from './loss.js';

export interface KlOptions {
  readonly mode: Mode;
  /** Softmax temperature T (paper Tables 22 and 24). @default 15 */
  readonly temperature?: number;
  /** Head width L. @default 768 */
  readonly latent?: number;
}

export const KL_DEFAULTS = { temperature: 15, latent: 768 } as const;

/**
 * With c = (z − mean z)/T and log p = c − logΣexp c: `paper` is KL(p‖U) = Σ p·log p + log L, `reference` is
 * KL(U‖p) = −mean(log p) − log L.
 *
 * In float64: at D = L = 768 and T = 15 the logits spread by 2e-3 around log(1/L) = −6.6 and the loss is about 2e-6, which float32
 * loses (2.4e-4 relative error in the gradient). Centring changes nothing in exact arithmetic and keeps the digits.
 */
export function kl(options: KlOptions): Loss {
  const { mode, temperature, latent } = { ...KL_DEFAULTS, ...options };
  return {
    name: 'kl',
    views: 1,
    artefacts: (dims) => headShapes(dims, latent),
    write(g, features, artefacts) {
      const { add, sub, mul, div, neg, exp, matmul, sum, mean, logSumExp, normalize, toFloat64, toFloat32 } = ops(g);
      const z = add(matmul(normalize(features), artefacts['head.weight']!), artefacts['head.bias']!); // [B,1,L]
      const z64 = toFloat64(z);
      const c = div(sub(z64, mean(z64, [-1], true)), temperature);
      const logP = sub(c, logSumExp(c, [-1], true));
      const loss =
        mode === 'paper'
          ? add(sum(mul(exp(logP), logP), [1, 2]), Math.log(latent))
          : sub(neg(mean(logP, [1, 2])), Math.log(latent));
      return toFloat32(loss); // [B]
    },
  };
}
