/** The memory bank of training pictures: patches of them, their features and the classes in them. */
import { drawnPatches, type BankOptions, type PatchDraw } from './drawn-patches.js';
import { PatchBank } from './patch-bank.js';
import type { PictureTokens } from './picture-tokens.js';

/** A bank for each draw. @throws {FungiError} as {@link drawnPatches} */
export async function memoryBanks(
  tokens: PictureTokens,
  draws: readonly PatchDraw[],
  options: BankOptions,
): Promise<PatchBank[]> {
  const { classes, runtime } = options;
  const drawn = await drawnPatches(tokens, draws, options, 'memory bank');
  return Promise.all(
    drawn.map(({ rows, shares }, i) =>
      PatchBank.create({ rows, dims: draws[i]!.features.dims }, { values: shares, classes: classes.count }, runtime),
    ),
  );
}
