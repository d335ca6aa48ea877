/** The patches of an image encoder that has a class token before them. */
import { FungiError } from '../core/errors.js';
import type { EngineInfo } from '../engine/engine.js';
import { tokenGrid, type TokenGrid } from '../views/token-grid.js';

/** @throws {FungiError} MODEL_UNSUPPORTED where tokens are no patches behind a class token */
export function classTokenGrid({ frame, tokensMade }: Pick<EngineInfo, 'frame' | 'tokensMade'>): TokenGrid {
  const grid = frame && tokensMade !== undefined ? tokenGrid(tokensMade, frame) : undefined;
  if (grid !== undefined && grid.first > 0 && grid.rows * grid.columns > 1) return grid;
  throw new FungiError('MODEL_UNSUPPORTED', 'iBOT compares a class token and patches, and the model has not both', {
    hint: 'Take a ViT with a class token (DINO, DINOv2, DeiT, ViT), or another loss.',
  });
}
