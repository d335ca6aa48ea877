/**
 * Seeded pseudo-random numbers with named streams. One index seed feeds many independent draws (a loss's head, its negatives,
 * one text's views); a name for each keeps them apart, so that adding a draw never shifts another.
 */
import { createHash } from 'node:crypto';

/** xoshiro128** (Blackman & Vigna 2018): 32-bit, four words of state, passes BigCrush; trivial to mirror in other languages. */
export class Rng {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  private constructor(state: Buffer) {
    this.a = state.readUInt32LE(0);
    this.b = state.readUInt32LE(4);
    this.c = state.readUInt32LE(8);
    this.d = state.readUInt32LE(12);
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1; // the one state the generator cannot leave
  }

  /** The stream called `name` under `seed`: state = first 16 bytes of sha256("seed/part/part/…"). */
  static stream(seed: number | string, ...name: readonly (string | number)[]): Rng {
    return new Rng(
      createHash('sha256')
        .update([seed, ...name].join('/'))
        .digest(),
    );
  }

  /** Uniform in 0 … 2³²−1. */
  uint32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), a multiple of 2⁻³². */
  float(): number {
    return this.uint32() * 2 ** -32;
  }

  /** Uniform integer in 0 … n−1 (n ≤ 2³²), without modulo bias. */
  int(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % n;
  }

  /** `count` draws from U(−bound, bound), as float32. */
  uniform(count: number, bound: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = (this.float() * 2 - 1) * bound;
    return out;
  }

  /** `count` independent signs, −1 or +1 with equal probability, as float32; one draw yields 32, lowest bit first. */
  signs(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let from = 0; from < count; from += 32) {
      const bits = this.uint32();
      const end = Math.min(32, count - from);
      for (let i = 0; i < end; i++) out[from + i] = ((bits >>> i) & 1) * 2 - 1;
    }
    return out;
  }

  /** `count` distinct integers of 0 … n−1, in random order (partial Fisher–Yates). */
  sample(n: number, count: number): number[] {
    const pool = Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < Math.min(count, n); i++) {
      const j = i + this.int(n - i);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
    }
    return pool.slice(0, count);
  }
}
