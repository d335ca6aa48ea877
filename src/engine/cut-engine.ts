/** The gradient engine: a trunk on onnxruntime, and tails that compute loss and gradient from what it leaves behind. */
import { FungiError } from '../core/errors.js';
import type { Content, View } from '../core/content.js';
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import type { Kept } from '../losses/loss.js';
import { float32, type Feeds } from '../runtime/session.js';
import { batchesByTokens, type BatchLimits } from './batches.js';
import type { Artefacts, EngineInfo, GradientEngine, Program, ProgramResult, ProgramSpec } from './engine.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { tokensRead } from './pooling.js';
import { distinctRows, rowFeeds } from './rows.js';
import { firstTokens, tokensOf, type States } from './states.js';
import type { OutputName } from './tail.js';
import { tailFeeds } from './tail-feeds.js';
import type { Tail, Tails } from './tails.js';
import { encodeStates } from './trunk.js';
import type { TrunkRuns } from './trunk-runs.js';

/** Tail runs: sliced rows are small, and the weights are read once a run. */
const TAIL_LIMITS: BatchLimits = { maxTokens: 1024, maxRows: 256 };
/** Behind an earlier block every activation of whole blocks is held for the way back: memory grows with the tokens of a run. */
const DEEP_TAIL_LIMITS: BatchLimits = { maxTokens: 256, maxRows: 64 };

/** An encoder that is cut, and where its trunk runs. */
export interface Trunk {
  readonly imported: ImportedEncoder;
  readonly runs: TrunkRuns;
}

export class CutEngine<P extends Prepared> implements GradientEngine {
  readonly info: EngineInfo;
  private closed = false;
  private whole: Promise<Trunk> | undefined;

  /** @param own the encoder, cut: the engine's to release */
  constructor(
    private readonly encoder: Encoder<P>,
    private readonly own: Trunk,
    private readonly tails: Tails,
    private readonly loadWhole: () => Promise<Trunk>,
  ) {
    const { imported } = own;
    const { output: tensor, outFeatures, inFeatures, bias } = imported.target;
    const target = { tensor, outFeatures, inFeatures, bias };
    const { dims, output, slice, tokens } = imported;
    const { modality, frame } = encoder;
    const made = modality !== 'text' && (tokens ?? encoder.maxTokens);
    const fixed = made && { tokensPerItem: slice ?? made, tokensMade: made };
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

  async encode(views: readonly View[], onProgress?: OnProgress, kept: Kept = 'pooled'): Promise<States> {
    this.assertOpen();
    let done = 0;
    const { imported, runs } = kept === 'tokens' ? await this.unsliced() : this.own;
    return encodeStates(
      (count) => runs.of(count),
      imported,
      this.encoder,
      this.encoder.prepare(views),
      (count) => {
        done += count;
        onProgress?.({ stage: 'encode', done, total: views.length, unit: 'rows' });
      },
    );
  }

  assertDifferentiable(): void {
    this.tails.assertDifferentiable();
  }

  async program(spec: ProgramSpec, artefacts: Artefacts = {}): Promise<Program> {
    this.assertOpen();
    if (spec.gradient !== undefined) this.assertDifferentiable();
    if (spec.loss?.needs === 'tokens') this.assertEachToken(spec.loss.name);
    const tail = await this.tails.load(spec);
    const frozen = Object.fromEntries(
      Object.entries(artefacts).map(([name, { data, shape }]) => [name, float32(data, shape)]),
    );
    const { views = 1, needs = 'pooled' } = spec.loss ?? {};
    const { slice } = this.own.imported;
    return {
      run: async (states, items) => {
        if (needs === 'tokens') assertSingle(states, spec.loss!.name);
        const own = needs === 'tokens' || slice === undefined ? states : firstTokens(states, slice);
        const result = await this.runTail(tail, frozen, { views, needs }, own, items);
        this.assertNumbers(spec.loss?.name ?? '', result.loss);
        return result;
      },
    };
  }

  /** A second time does nothing. */
  async close(): Promise<void> {
    this.closed = true;
    const whole = await this.whole?.catch(() => undefined);
    this.whole = undefined;
    await Promise.all([this.own.runs.release(), whole?.runs.release(), this.tails.close()]);
  }

  /** The encoder that hands over all tokens: this one, or another trunk of it, loaded when it is first asked for. */
  private unsliced(): Trunk | Promise<Trunk> {
    if (this.own.imported.slice === undefined) return this.own;
    if (this.whole === undefined) {
      this.whole = this.loadWhole();
      this.whole.catch(() => (this.whole = undefined));
    }
    return this.whole;
  }

  /** @throws {FungiError} MODEL_UNSUPPORTED */
  private assertEachToken(loss: string): void {
    const { vector, tail, slice } = this.own.imported;
    // Where the slice was refused, tokens do not go through the tail by themselves.
    const refused = slice === undefined && tokensRead(this.encoder.pooling, vector) !== undefined;
    if (!vector && !tail.attends && !refused) return;
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${this.encoder.id}: ${loss} compares single tokens, and the model has no state of each behind its last attention`,
      {
        hint: 'Name the tensor of the token states with --output and a layer of the last block with --target, or leave both out.',
        details: { loss },
      },
    );
  }

  private assertOpen(): void {
    if (this.closed) throw new FungiError('INVALID_ARGUMENT', `the engine of ${this.encoder.id} is closed`);
  }

  private async runTail(
    tail: Tail,
    frozen: Feeds,
    { views, needs }: { readonly views: number; readonly needs: Kept },
    states: States,
    items: readonly (readonly number[])[],
  ): Promise<ProgramResult> {
    const { dims, target, tail: source } = this.own.imported;
    const { outputs, apart = Infinity } = tail;
    const limits = { ...(source.attends ? DEEP_TAIL_LIMITS : TAIL_LIMITS), apart };
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
        ...tailFeeds(this.own.imported, needs === 'tokens' ? 'first' : this.encoder.pooling, states, places, padded),
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

/** @throws {FungiError} INVALID_ARGUMENT */
function assertSingle({ offsets, truncated }: States, loss: string): void {
  if (offsets.at(-1) === truncated.length) return;
  throw new FungiError('INVALID_ARGUMENT', `${loss} compares single tokens, and was given states of whole items`, {
    hint: "Encode with kept 'tokens', and give eachToken(states).",
  });
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
