/** Decoded images, and how they are resampled. */

/** RGB, one byte a channel, [H,W,3]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How pixels are resampled; all average over what a smaller image leaves out, as Pillow does. */
export type Kernel = 'nearest' | 'linear' | 'cubic' | 'lanczos3';

export interface Resize {
  readonly width: number;
  readonly height: number;
  readonly kernel: Kernel;
}
