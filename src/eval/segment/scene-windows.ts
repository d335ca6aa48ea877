/** Scenes a few at a time: what is held of a picture's tokens is some megabytes. */
import type { PatchFeatures } from './patch-features.js';
import type { EncodedPictures, PictureTokens } from './picture-tokens.js';
import type { Scene } from './scenes.js';

const WINDOW = 4;

export interface SceneWindow {
  readonly scenes: readonly Scene[];
  readonly encoded: EncodedPictures;
  /** Scenes up to the end of this window. */
  readonly done: number;
}

export async function* sceneWindows(tokens: PictureTokens, all: readonly Scene[]): AsyncGenerator<SceneWindow> {
  for (let start = 0; start < all.length; start += WINDOW) {
    const scenes = all.slice(start, start + WINDOW);
    const encoded = await tokens.encode(scenes.map(({ image }) => image));
    yield { scenes, encoded, done: start + scenes.length };
  }
}

/** Features of a window, each computed once however many ask for it. */
export function computedOnce(encoded: EncodedPictures): (features: PatchFeatures) => Promise<Float32Array> {
  const known = new Map<PatchFeatures, Promise<Float32Array>>();
  return (features) => {
    const rows = known.get(features) ?? features.of(encoded);
    known.set(features, rows);
    return rows;
  };
}
