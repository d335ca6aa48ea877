/** What the trunk leaves behind of a list of texts: the tensors that the tail starts from, without padding. */
import { float32, type Tensor } from '../runtime/session.js';

/** Rows of one boundary tensor: the tokens of all items one after the other. */
export interface States {
  /** Where item i's tokens begin: offsets[i] … offsets[i+1]. */
  readonly offsets: Int32Array;
  /** One array a boundary tensor, [Σ A, width]. */
  readonly tensors: readonly Float32Array[];
  readonly widths: readonly number[];
  /** Items whose end did not fit the model. */
  readonly truncated: Uint8Array;
}

export function allocateStates(tokens: readonly number[], widths: readonly number[]): States {
  const offsets = new Int32Array(tokens.length + 1);
  tokens.forEach((count, i) => (offsets[i + 1] = offsets[i]! + count));
  const total = offsets[tokens.length]!;
  return {
    offsets,
    widths,
    tensors: widths.map((width) => new Float32Array(total * width)),
    truncated: new Uint8Array(tokens.length),
  };
}

export const tokensOf = (states: States, item: number): number => states.offsets[item + 1]! - states.offsets[item]!;

/**
 * The same states with each token an item of its own, so that a program's f(x) is the token's last state and its factors are the
 * token's. Nothing is copied. Only where tokens go through the tail one by one: see `assertTokenwise`.
 */
export function eachToken({ tensors, widths, offsets, truncated }: States): States {
  const tokens = offsets.at(-1)!;
  const own = new Uint8Array(tokens);
  for (let item = 0; item < truncated.length; item++) own.fill(truncated[item]!, offsets[item], offsets[item + 1]);
  return { tensors, widths, offsets: Int32Array.from({ length: tokens + 1 }, (_, i) => i), truncated: own };
}

/** The first `count` tokens of each item, which has at least as many: what a sliced tail reads of states that hold all tokens. */
export function firstTokens(states: States, count: number): States {
  const { offsets, widths, truncated } = states;
  const items = truncated.length;
  if (offsets.at(-1) === items * count) return states;
  const own = allocateStates(new Array<number>(items).fill(count), widths);
  own.truncated.set(truncated);
  widths.forEach((width, tensor) => {
    for (let item = 0; item < items; item++) {
      const from = offsets[item]! * width;
      own.tensors[tensor]!.set(states.tensors[tensor]!.subarray(from, from + count * width), item * count * width);
    }
  });
  return own;
}

/** Copies a padded run's output [B,T,width] into the places of its items. */
export function scatter(states: States, tensor: number, items: readonly number[], output: Tensor): void {
  const padded = output.shape[1]!;
  const width = states.widths[tensor]!;
  const source = output.data as Float32Array;
  items.forEach((item, row) => {
    const from = row * padded * width;
    const to = states.offsets[item]! * width;
    states.tensors[tensor]!.set(source.subarray(from, from + tokensOf(states, item) * width), to);
  });
}

/** One boundary tensor of `items`, padded with zeros to [items, tokens, width]. */
export function gather(states: States, tensor: number, items: readonly number[], tokens: number): Tensor {
  const width = states.widths[tensor]!;
  const out = new Float32Array(items.length * tokens * width);
  const source = states.tensors[tensor]!;
  items.forEach((item, row) => {
    const [from, to] = [states.offsets[item]!, states.offsets[item + 1]!];
    out.set(source.subarray(from * width, to * width), row * tokens * width);
  });
  return float32(out, [items.length, tokens, width]);
}
