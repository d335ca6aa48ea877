/** Scenes a few at a time: what is held of a picture's tokens is some megabytes. */
import type { EncodedPictures, PictureTokens } from './picture-tokens.js';
import type { SceneCopy } from './scene-copies.js';

const WINDOW = 4;

export interface SceneWindow {
  readonly encoded: EncodedPictures;
  /** Scenes up to the end of this window. */
  readonly done: number;
}

export async function* sceneWindows(tokens: PictureTokens, all: readonly SceneCopy[]): AsyncGenerator<SceneWindow> {
  for (let start = 0; start < all.length; start += WINDOW) {
    const encoded = await tokens.encode(all.slice(start, start + WINDOW));
    yield { encoded, done: start + encoded.copies.length };
  }
}
