/** Keeps the features of the clips used last: all views of one are made of them. */
export class FeatureCache {
  /** By digest, the one used last at the end. */
  private readonly kept = new Map<string, { readonly features: Promise<Float32Array>; bytes: number }>();
  private bytes = 0;

  /** @param maxBytes beyond which the ones not used for longest are let go */
  constructor(private readonly maxBytes: number) {}

  /** The features kept under `key`, or else made now; a failure is not kept. */
  get(key: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
    const known = this.kept.get(key);
    if (known !== undefined) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known.features;
    }
    const entry = { features: make(), bytes: 0 };
    this.kept.set(key, entry);
    entry.features.then(
      ({ byteLength }) => {
        entry.bytes = byteLength;
        this.bytes += byteLength;
        this.trim();
      },
      () => this.kept.delete(key),
    );
    return entry.features;
  }

  private trim(): void {
    for (const [key, { bytes }] of this.kept) {
      if (this.bytes <= this.maxBytes) return;
      if (bytes === 0) continue;
      this.kept.delete(key);
      this.bytes -= bytes;
    }
  }
}
