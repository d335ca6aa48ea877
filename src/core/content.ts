/** Items opened, and the views that losses compare of them: what goes from the view makers to an encoder. */

import { FungiError } from './errors.js';

/** An image file, not decoded yet: a pool of photographs would not fit the memory. */
export interface Picture {
  readonly modality: 'image';
  /** sha256 of the bytes: where a picture lies does not matter to its views. */
  readonly digest: string;
  /** What messages call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As it is looked at, with the rotation of its EXIF applied. */
  readonly width: number;
  readonly height: number;
}

/** A sound, one channel, at the encoder's sampling rate. */
export interface Clip {
  readonly modality: 'audio';
  /** sha256 of the bytes it was decoded from. */
  readonly digest: string;
  readonly samples: Float32Array;
  /** Whether it was longer than the encoder hears. */
  readonly truncated: boolean;
}

/** An item opened: the text itself, or media. */
export type Content = string | Picture | Clip;

/** A change of pixels, as torchvision and Pillow make it: its amount is drawn beforehand. */
export type ImageEdit =
  | { readonly kind: 'flip' | 'grey' | 'solarize' }
  /** A factor; of the hue a turn, from −0.5 to 0.5. */
  | { readonly kind: 'brightness' | 'contrast' | 'saturation' | 'hue'; readonly amount: number }
  /** Standard deviation in pixels. */
  | { readonly kind: 'blur'; readonly amount: number };

/** A rectangle of the picture as it is, in its pixels, brought to the size of the encoder's input. */
export interface Crop {
  readonly kind: 'crop';
  readonly of: Picture;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Changes at the size of the encoder's input, in this order. */
  readonly edits?: readonly ImageEdit[];
  /** Changes of the whole picture, made before. */
  readonly pictureEdits?: readonly ImageEdit[];
  /** Patches of the encoder's input, of so many rows and columns of them, that have the mean colour of the model: by number, row by row. */
  readonly masked?: { readonly rows: number; readonly columns: number; readonly patches: readonly number[] };
}

/** One of side × side overlapping squares, half as wide as the encoder's input, of what the encoder would see of the picture. */
export interface Patch {
  readonly kind: 'patch';
  readonly of: Picture;
  readonly row: number;
  readonly column: number;
  readonly side: number;
}

/** A clip's spectrogram (or samples) with noise added, and rolled along time. */
export interface NoisyClip {
  readonly kind: 'noise';
  readonly of: Clip;
  /** Seed and name of the stream that the noise is drawn from. */
  readonly stream: readonly (string | number)[];
  /** Noise is uniform in 0 … level. */
  readonly level: number;
  /** Frames that it is rolled by, in either direction. */
  readonly roll: number;
}

/** What goes through the encoder: a whole content, or a look at it. */
export type View = Content | Crop | Patch | NoisyClip;

/** Equal for views that are the same, so that each is encoded once. */
export function viewKey(view: View): string {
  if (typeof view === 'string') return view;
  if ('modality' in view) return view.digest;
  const { kind, of } = view;
  switch (kind) {
    case 'crop': {
      const { left, top, width, height, edits = [], pictureEdits, masked } = view;
      const hidden = masked === undefined ? [] : [`mask=${masked.rows}x${masked.columns}:${masked.patches.join()}`];
      return [editedKey(of, pictureEdits), kind, left, top, width, height, ...edits.map(editKey), ...hidden].join(' ');
    }
    case 'patch':
      return [of.digest, kind, view.row, view.column, view.side].join(' ');
    case 'noise':
      return [of.digest, kind, view.stream.join('/'), view.level, view.roll].join(' ');
  }
}

/** What tells a picture from the same one changed. */
export const editedKey = ({ digest }: Picture, edits: readonly ImageEdit[] = []): string =>
  [digest, ...edits.map(editKey)].join(' ');

const editKey = (edit: ImageEdit): string => ('amount' in edit ? `${edit.kind}=${edit.amount}` : edit.kind);

/** @throws {FungiError} INVALID_ARGUMENT for media, which a text encoder was given */
export function asText(view: View): string {
  if (typeof view === 'string') return view;
  const modality = 'modality' in view ? view.modality : view.of.modality;
  throw new FungiError('INVALID_ARGUMENT', `expected a text, got ${modality}`);
}

/** What a content's views are drawn by: its text, or the digest of its bytes. */
export const contentKey = (content: Content): string => (typeof content === 'string' ? content : content.digest);
