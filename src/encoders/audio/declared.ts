/** What a file says of its own length. */
export interface Declared {
  /** Samples of a channel. */
  readonly frames?: number;
  /** Hz. */
  readonly sampleRate?: number;
  /** Why the bytes cannot be all of the file. */
  readonly cutOff?: string;
}
