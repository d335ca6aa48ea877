/** The gradient engine: a trunk on onnxruntime, and tails that compute loss and gradient from what it leaves behind. */
import { FungiError } from '../core/errors.js';
import type { Content, View } from '../core/content.js';
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { float32, type Feeds } from '../runtime/session.js';
import type { SharedSession } from '../runtime/shared-session.js';
import { batchesByTokens, type BatchLimits } from './batches.js';
import type { Artefacts, EngineInfo, GradientEngine, Program, ProgramResult, ProgramSpec } from './engine.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { distinctRows, rowFeeds } from './rows.js';
import { tokensOf, type States } from './states.js';
import type { OutputName } from './tail.js';
import { tailFeeds } from './tail-feeds.js';
import type { Tail, Tails } from './tails.js';
import { encodeStates } from './trunk.js';

/** Tail runs: sliced rows are small, and the weights are read once a run. */
const TAIL_LIMITS: BatchLimits = { maxTokens: 1024, maxRows: 256 };
/** Behind an earlier block every activation of whole blocks is held for the way back: memory grows with the tokens of a run. */
const DEEP_TAIL_LIMITS: BatchLimits = { maxTokens: 256, maxRows: 64 };

export class CutEngine<P extends Prepared> implements GradientEngine {
  readonly info: EngineInfo;
  private closed = false;

  constructor(
    private readonly encoder: Encoder<P>,
    private readonly imported: ImportedEncoder,
    private readonly trunk: SharedSession,
    private readonly tails: Tails,
  ) {
    const { output: tensor, outFeatures, inFeatures, bias } = imported.target;
    const target = { tensor, outFeatures, inFeatures, bias };
    const { dims, output, slice, tokens } = imported;
    const { modality, frame } = encoder;
    const fixed = modality !== 'text' && { tokensPerItem: slice ?? tokens ?? encoder.maxTokens };
    const tokenwise = slice === undefined && !imported.vector && !imported.tail.attends;
    const known = { dims, output, target, sliced: slice !== undefined, tokenwise };
    this.info = { engine: tails.engine, modality, ...known, ...fixed, ...(frame && { frame }) };
  }

  identify(items: readonly Item[]): Promise<readonly string[]> {
    return this.encoder.identify(items);
  }

  open(items: readonly Item[]): Promise<readonly Content[]> {
    return this.encoder.open(items);
  }

  async encode(views: readonly View[], onProgress?: OnProgress): Promise<States> {
    this.assertOpen();
    let done = 0;
    return encodeStates(this.trunk, this.imported, this.encoder, this.encoder.prepare(views), (count) => {
      done += count;
      onProgress?.({ stage: 'encode', done, total: views.length, unit: 'rows' });
    });
  }

  assertDifferentiable(): void {
    this.tails.assertDifferentiable();
  }

  async program(spec: ProgramSpec, artefacts: Artefacts = {}): Promise<Program> {
    this.assertOpen();
    if (spec.gradient !== undefined) this.assertDifferentiable();
    const tail = await this.tails.load(spec);
    const frozen = Object.fromEntries(
      Object.entries(artefacts).map(([name, { data, shape }]) => [name, float32(data, shape)]),
    );
    const views = spec.loss?.views ?? 1;
    return {
      run: async (states, items) => {
        const result = await this.runTail(tail, frozen, views, states, items);
        this.assertNumbers(spec.loss?.name ?? '', result.loss);
        return result;
      },
    };
  }

  /** A second time does nothing. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([this.trunk.release(), this.tails.close()]);
  }

  private assertOpen(): void {
    if (this.closed) throw new FungiError('INVALID_ARGUMENT', `the engine of ${this.encoder.id} is closed`);
  }

  private async runTail(
    tail: Tail,
    frozen: Feeds,
    views: number,
    states: States,
    items: readonly (readonly number[])[],
  ): Promise<ProgramResult> {
    const { dims, target, tail: source } = this.imported;
    const limits = source.attends ? DEEP_TAIL_LIMITS : TAIL_LIMITS;
    const { outputs } = tail;
    const distinct = items.map(distinctRows);
    const longest = distinct.map((places) => Math.max(...places.map((place) => tokensOf(states, place))));
    const pooled = new Float32Array(items.length * views * dims);
    const loss = new Float32Array(outputs.includes('loss') ? items.length : 0);
    const factors = outputs.includes('delta') ? new Array<ProgramResult['factors'][number]>(items.length) : [];
    let block: Float32Array = new Float32Array(0);

    const heights = distinct.map((places) => places.length);
    for (const batch of batchesByTokens(longest, limits, heights)) {
      const places = batch.flatMap((item) => distinct[item]!);
      const padded = longest[batch[0]!]!;
      const tokens = places.map((place) => tokensOf(states, place));
      const results = await tail.run({
        ...tailFeeds(this.imported, this.encoder.pooling, states, places, padded),
        ...(views > 1 && rowFeeds(batch.map((item) => items[item]!))),
        ...frozen,
      });
      const read = (name: OutputName): Float32Array => results[name].data as Float32Array;

      const spread = (target: Float32Array, source: Float32Array, width: number): void => {
        batch.forEach((item, row) => {
          target.set(source.subarray(row * width, (row + 1) * width), item * width);
        });
      };
      spread(pooled, read('pooled'), views * dims);
      if (outputs.includes('loss')) spread(loss, read('loss'), 1);
      if (outputs.includes('block')) {
        const width = results.block.shape[1]!;
        if (block.length === 0) block = new Float32Array(items.length * width);
        spread(block, read('block'), width);
      }
      if (outputs.includes('delta')) {
        let first = 0;
        for (const item of batch) {
          const height = heights[item]!;
          const own = tokens.slice(first, first + height);
          const keep = (name: 'delta' | 'x', width: number): Float32Array =>
            unpadded(read(name), first, own, padded, width);
          const delta = keep('delta', target.outFeatures);
          factors[item] = { delta, x: keep('x', target.inFeatures), terms: delta.length / target.outFeatures };
          first += height;
        }
      }
    }
    return { pooled, loss, block, factors };
  }

  /** Where a loss overflows its gradient is no number either, and would spoil every row that is compared with it. */
  private assertNumbers(name: string, loss: Float32Array): void {
    const item = loss.findIndex((value) => !Number.isFinite(value));
    if (item < 0) return;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${this.encoder.id}: the ${name} loss of item ${item} is ${loss[item]!}: at this temperature it overflows, or the features do`,
      {
        hint: 'Choose a higher temperature, or bring features to unit length before the head.',
        details: { item, loss: name },
      },
    );
  }
}

/** Consecutive rows from a padded [rows,A,width], without the padding. */
function unpadded(
  data: Float32Array,
  first: number,
  tokens: readonly number[],
  padded: number,
  width: number,
): Float32Array {
  const out = new Float32Array(tokens.reduce((sum, count) => sum + count, 0) * width);
  let at = 0;
  tokens.forEach((count, row) => {
    const from = (first + row) * padded * width;
    out.set(data.subarray(from, from + count * width), at);
    at += count * width;
  });
  return out;
}
