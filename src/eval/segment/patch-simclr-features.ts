/**
 * FUNGI's part of a patch's feature: its gradient of per-patch SimCLR, projected (paper equation 8 joins it with the patch's last state).
 *
 * Axes: D width of a state, M width of a projected gradient.
 */
import { Rng } from '../../core/rng.js';
import { seededMatrix } from '../../features/dense-projection.js';
import { khatriRaoProjection } from '../../features/khatri-rao.js';
import { landmarkProjection } from '../../features/landmarks.js';
import { truncated, type LowRank } from '../../features/low-rank.js';
import type { ProjectionSpec } from '../../features/spec.js';
import {
  bilinearTermProjection,
  denseTermProjection,
  termOf,
  type TermProjection,
} from '../../features/term-projection.js';
import type { Mode } from '../../losses/loss.js';
import { drawnPatches, type BankOptions } from './drawn-patches.js';
import { computedOnce, patchStates, toUnitLength, type PatchFeatures } from './patch-features.js';
import { patchGradients, type PatchGradients } from './patch-gradients.js';
import type { PictureTokens } from './picture-tokens.js';
import { copiesOf, copyName } from './scene-copies.js';
import { sceneWindows } from './scene-windows.js';
import { SupportBank } from './support-bank.js';

export interface PatchSimclrOptions extends BankOptions {
  /** Of support bank, dropped neighbours, head and projection. */
  readonly seed: number;
  /**
   * `reference` leaves InfoNCE's sum untempered and brings neighbours to unit length before the head, as the released code does.
   *
   * @default 'paper'
   */
  readonly mode?: Mode;
  /** M is D, of landmarks at most D. @default 'nystrom', whose landmarks are gradients of patches of the training pictures */
  readonly projection?: ProjectionSpec['kind'];
}

/** Training pictures that landmarks are taken of, some patches of each. */
const LANDMARK_PICTURES = 32;

/**
 * The support bank holds the patches that the memory bank of this seed holds. A picture's features depend on its bytes, the training
 * pictures and the seed, and on no other picture that is encoded beside it.
 *
 * @throws {FungiError} OP_UNSUPPORTED where the model's tail has no derivative; INVALID_ARGUMENT, INVALID_DATA as `drawnPatches`, and for
 *   training pictures that are all one
 */
export async function patchSimclrFeatures(tokens: PictureTokens, options: PatchSimclrOptions): Promise<PatchFeatures> {
  const { engine } = tokens;
  const { seed, runtime, mode = 'paper' } = options;
  const { dims } = engine.info;
  engine.assertDifferentiable();
  const states = { seed, features: await patchStates(engine) };
  const [drawn] = await drawnPatches(tokens, [states], options, 'support bank');
  if (mode === 'reference') toUnitLength(drawn!.rows, dims);
  const support = await SupportBank.create(drawn!, dims, runtime);
  const gradients = await patchGradients(tokens, support, { seed, mode });
  const { width, project } = await projectionOf(tokens, gradients, options);
  return computedOnce({
    dims: width,
    async of(encoded) {
      const each = encoded.patches[0]!.length * width;
      const rows = new Float32Array(encoded.pictures.length * each);
      for (const picture of encoded.pictures.keys())
        rows.set(await project(await gradients(encoded, picture)), picture * each);
      return toUnitLength(rows, width);
    },
  });
}

/** @returns M, and what projects to it */
async function projectionOf(
  tokens: PictureTokens,
  gradients: PatchGradients,
  options: PatchSimclrOptions,
): Promise<{ readonly width: number; readonly project: TermProjection }> {
  const { seed, projection = 'nystrom', runtime } = options;
  const { dims, target } = tokens.engine.info;
  switch (projection) {
    case 'dense':
      return { width: dims, project: denseTermProjection(target, dims, seededMatrix('binary', seed, target, dims)) };
    case 'khatri-rao': {
      const parts = khatriRaoProjection(seed, target, dims);
      return { width: dims, project: bilinearTermProjection(parts, target, runtime) };
    }
    case 'nystrom': {
      const parts = await landmarkProjection(await landmarks(tokens, gradients, options), target);
      return { width: parts['mix']!.shape[1]!, project: bilinearTermProjection(parts, target, runtime) };
    }
  }
}

/** Gradients of D patches, the same number of each of a few training pictures. */
async function landmarks(
  tokens: PictureTokens,
  gradients: PatchGradients,
  { train, augmentationEpochs: epochs = 0, seed, onProgress }: PatchSimclrOptions,
): Promise<LowRank[]> {
  const { dims, target } = tokens.engine.info;
  const copies = copiesOf(train, { epochs, seed });
  const picks = Rng.stream(seed, 'scenes', 'landmarks').sample(copies.length, LANDMARK_PICTURES);
  const each = Math.ceil(dims / picks.length);
  const found: LowRank[] = [];
  const some = picks.map((pick) => copies[pick]!);
  for await (const { encoded, done } of sceneWindows(tokens, some)) {
    for (const [picture, copy] of encoded.copies.entries()) {
      const own = await gradients(encoded, picture);
      const rng = Rng.stream(seed, 'scenes', 'landmarks', encoded.pictures[picture]!.digest, ...copyName(copy));
      for (const patch of rng.sample(own.terms, each)) {
        const landmark = truncated(termOf(own, patch), target, 1);
        if (landmark !== undefined && found.length < dims) found.push(landmark);
      }
    }
    onProgress?.({ stage: 'landmarks', done, total: some.length, unit: 'rows' });
  }
  return found;
}
