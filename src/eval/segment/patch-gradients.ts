/**
 * Gradients of per-patch SimCLR (paper §4.3, Appendix C.2): the tokens of a picture are contrasted with each other and with their neighbours
 * in a support bank; each patch gets the gradient of that one loss at its token.
 *
 * Axes: T tokens of a picture, D width of a state, O and I outputs and inputs of the target layer.
 */
import { Rng } from '../../core/rng.js';
import type { Artefacts, Factors } from '../../engine/engine.js';
import type { Mode } from '../../losses/loss.js';
import { patchSimclr } from '../../losses/patch-simclr.js';
import type { EncodedPictures, PictureTokens } from './picture-tokens.js';
import { copyName } from './scene-copies.js';
import type { SupportBank } from './support-bank.js';

/** Factors δ [patches,O] and x [patches,I] of a picture of a window: the gradient of patch p is δ_p ⊗ [x_p; 1]. */
export type PatchGradients = (encoded: EncodedPictures, picture: number) => Promise<Factors>;

/** @param seed of the head, and of which neighbours are dropped */
export async function patchGradients(
  { engine, tokensPerPicture }: PictureTokens,
  support: SupportBank,
  { seed, mode }: { readonly seed: number; readonly mode: Mode },
): Promise<PatchGradients> {
  const { dims, target } = engine.info;
  const T = tokensPerPicture;
  const loss = patchSimclr({ mode, tokens: T, neighbours: T });
  const head = headOf(loss.artefacts(dims), seed, dims);
  const states = await engine.program({});
  return async (encoded, picture) => {
    const places = encoded.tokens[picture]!;
    const { pooled } = await states.run(
      encoded.states,
      places.map((place) => [place]),
    );
    const { digest } = encoded.pictures[picture]!;
    const rng = Rng.stream(seed, 'scenes', 'neighbours', digest, ...copyName(encoded.copies[picture]!));
    const data = await support.neighbours(pooled, digest, rng);
    const neighbours = { [`${loss.name}.neighbours`]: { data, shape: [T, dims] } };
    // Neighbours are a program's for good; a program of the same graph costs its building alone.
    const program = await engine.program({ loss, gradient: { kind: 'factors' } }, { ...head, ...neighbours });
    const { factors } = await program.run(encoded.states, [places]);
    const kept = encoded.patches[picture]!.map((place) => place - places[0]!);
    return {
      delta: rowsOf(factors[0]!.delta, target.outFeatures, kept),
      x: rowsOf(factors[0]!.x, target.inFeatures, kept),
      terms: kept.length,
    };
  };
}

/** Weight and bias of the head, from U(±1/√D), as PyTorch's Linear draws them. */
function headOf(shapes: Readonly<Record<string, readonly number[]>>, seed: number, dims: number): Artefacts {
  const drawn = Object.entries(shapes).filter(([name]) => name.startsWith('head.'));
  return Object.fromEntries(
    drawn.map(([name, shape]) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const data = Rng.stream(seed, 'patch-simclr', name).uniform(count, 1 / Math.sqrt(dims));
      return [`patch-simclr.${name}`, { data, shape }];
    }),
  );
}

/** Some rows of a matrix [n,width]: those of class tokens are left behind. */
function rowsOf(matrix: Float32Array, width: number, rows: readonly number[]): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, at) => {
    out.set(matrix.subarray(row * width, (row + 1) * width), at * width);
  });
  return out;
}
