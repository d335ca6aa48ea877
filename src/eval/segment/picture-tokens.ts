/** Pictures through the encoder, tile by tile, and where their patches' states lie. */
import type { Picture } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import type { GradientEngine } from '../../engine/engine.js';
import { eachToken, type States } from '../../engine/states.js';
import { assertTokenwise } from '../../engine/tokenwise.js';
import { tokenGrid, type Grid, type TokenGrid } from '../../views/token-grid.js';
import { patchTokens, tileViews } from './patch-grid.js';
import { lookAt, type SceneCopy, type SceneLook } from './scene-copies.js';

/** Tokens of some pictures, each an item. */
export interface EncodedPictures {
  readonly copies: readonly SceneCopy[];
  readonly pictures: readonly Picture[];
  /** What was seen of each. */
  readonly looks: readonly SceneLook[];
  readonly states: States;
  /** Places in `states` of each picture's tokens, tile by tile; class tokens are among them. */
  readonly tokens: readonly (readonly number[])[];
  /** Places in `states` of each picture's patches, row by row over the whole picture. */
  readonly patches: readonly (readonly number[])[];
}

export class PictureTokens {
  private tried = false;

  private constructor(
    readonly engine: GradientEngine,
    private readonly tile: TokenGrid & { readonly tokens: number },
    readonly tiles: number,
    /** Of what a picture is brought to, in pixels. */
    readonly size: { readonly width: number; readonly height: number },
  ) {}

  /**
   * @param tiles down and across a picture
   * @throws {FungiError} INVALID_ARGUMENT for an encoder of something else, or one that keeps some tokens only; MODEL_UNSUPPORTED where
   *   tokens are no patches
   */
  static create(engine: GradientEngine, tiles: number): PictureTokens {
    const { frame, modality, tokensPerItem } = engine.info;
    if (frame === undefined || tokensPerItem === undefined) {
      throw new FungiError('INVALID_ARGUMENT', `scenes are pictures, and the encoder reads ${modality}`, {
        hint: 'Name an image encoder with --encoder, as facebook/dinov2-small.',
      });
    }
    if (!Number.isSafeInteger(tiles) || tiles < 1)
      throw new FungiError('INVALID_ARGUMENT', `tiles must be a positive integer, got ${tiles}`);
    const tile = { ...tokenGrid(tokensPerItem, frame), tokens: tokensPerItem };
    return new PictureTokens(engine, tile, tiles, { width: frame.width * tiles, height: frame.height * tiles });
  }

  /** Patches of a whole picture. */
  get grid(): Grid {
    return { rows: this.tile.rows * this.tiles, columns: this.tile.columns * this.tiles };
  }

  /** Side of a patch, in pixels of `size`. */
  get patch(): number {
    return this.tile.patch;
  }

  /** Tokens of a whole picture, class tokens among them. */
  get tokensPerPicture(): number {
    return this.tile.tokens * this.tiles ** 2;
  }

  /**
   * @param copies a window of pictures: all their tokens are held
   * @throws {FungiError} as `assertTokenwise`; FILE_NOT_FOUND, INVALID_MEDIA
   */
  async encode(copies: readonly SceneCopy[]): Promise<EncodedPictures> {
    const { engine, tile, tiles, tokensPerPicture } = this;
    const pictures = (await engine.open(copies.map(({ image }) => image))) as readonly Picture[];
    const looks = pictures.map((picture, i) => lookAt(picture, copies[i]!));
    const states = await engine.encode(pictures.flatMap((picture, i) => tileViews(picture, looks[i]!, tiles)));
    if (!this.tried) await assertTokenwise(engine, states);
    this.tried = true;
    const own = patchTokens(tile, tile.tokens, tiles);
    return {
      ...{ copies, pictures, looks },
      states: eachToken(states),
      tokens: pictures.map((_, i) =>
        Array.from({ length: tokensPerPicture }, (_, token) => i * tokensPerPicture + token),
      ),
      patches: pictures.map((_, i) => own.map((token) => i * tokensPerPicture + token)),
    };
  }
}
