/** The gradient engine on onnxruntime: trunk and tail as two ONNX models over the user's own weights. */
import { sha256 } from '../core/fingerprint.js';
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { assertRules, gradientPath } from '../onnx/gradient-path.js';
import { float32, Session, type Feeds, type RuntimeOptions } from '../runtime/session.js';
import { batchesByTokens, type BatchLimits } from './batches.js';
import type { Artefacts, EngineInfo, GradientEngine, Program, ProgramResult, ProgramSpec } from './engine.js';
import { importEncoder, type ImportOptions } from './import.js';
import { trunkOutput, type ImportedEncoder } from './imported-encoder.js';
import { poolingTensor } from './pooling.js';
import { allocateStates, gather, scatter, tokensOf, type States } from './states.js';
import { distinctRows, rowFeeds } from './rows.js';
import { buildTail, OUTPUTS, POOLING, type OutputName } from './tail.js';

/** Encoder runs: about what keeps a 768-wide model's activations in cache. */
export const TRUNK_LIMITS: BatchLimits = { maxTokens: 512, maxRows: 64 };
/** Tail runs: sliced rows are small, and the weights are read once a run. */
const TAIL_LIMITS: BatchLimits = { maxTokens: 1024, maxRows: 256 };

export class OnnxEngine<P extends Prepared> implements GradientEngine {
  readonly info: EngineInfo;
  private readonly tails = new Map<string, Promise<Session>>();

  private constructor(
    private readonly encoder: Encoder<P>,
    private readonly imported: ImportedEncoder,
    private readonly trunk: Session,
    private readonly options: RuntimeOptions,
  ) {
    const { output: tensor, outFeatures, inFeatures, bias } = imported.target;
    const target = { tensor, outFeatures, inFeatures, bias };
    const { dims, output, sliced } = imported;
    this.info = { engine: 'onnx', dims, output, target, sliced };
  }

  /** @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, PROVIDER_UNAVAILABLE, RUNTIME_FAILED */
  static async load<P extends Prepared>(encoder: Encoder<P>, options: ImportOptions = {}): Promise<OnnxEngine<P>> {
    const { imported, trunk } = await importEncoder(encoder, options);
    return new OnnxEngine(encoder, imported, trunk, options);
  }

  async encode(items: readonly Item[], onProgress?: OnProgress): Promise<States> {
    const { boundary, sliced, inputs } = this.imported;
    const prepared = this.encoder.prepare(items);
    const lengths = prepared.map((item) => item.tokens);
    const states = allocateStates(
      sliced ? lengths.map(() => 1) : lengths,
      boundary.map(({ width }) => width),
    );
    prepared.forEach((item, i) => (states.truncated[i] = item.truncated ? 1 : 0));
    const names = boundary.map(({ name }) => trunkOutput(name));
    let done = 0;
    for (const batch of batchesByTokens(lengths, TRUNK_LIMITS)) {
      const feeds = this.encoder.collate(
        batch.map((item) => prepared[item]!),
        inputs,
      );
      const results = await this.trunk.run(feeds, names);
      names.forEach((name, tensor) => {
        scatter(states, tensor, batch, results[name]!);
      });
      done += batch.length;
      onProgress?.({ stage: 'encode', done, total: items.length, unit: 'rows' });
    }
    return states;
  }

  assertDifferentiable(): void {
    const { id, tail, output, target } = this.imported;
    assertRules(gradientPath(tail.nodes, output, target.output), id);
  }

  async program(spec: ProgramSpec, artefacts: Artefacts = {}): Promise<Program> {
    if (spec.gradient !== undefined) this.assertDifferentiable();
    const graph = buildTail(this.imported, spec);
    const session = await this.tail(graph.bytes);
    const frozen = Object.fromEntries(
      Object.entries(artefacts).map(([name, { data, shape }]) => [name, float32(data, shape)]),
    );
    const views = spec.loss?.views ?? 1;
    return { run: (states, items) => this.runTail(session, graph.outputs, frozen, views, states, items) };
  }

  async close(): Promise<void> {
    const loaded = await Promise.allSettled(this.tails.values());
    const tails = loaded.flatMap((tail) => (tail.status === 'fulfilled' ? [tail.value] : []));
    await Promise.all([this.trunk, ...tails].map((session) => session.release()));
  }

  /** One session a graph: indexes that differ only in their artefacts share it. */
  private tail(bytes: Uint8Array): Promise<Session> {
    const key = sha256(bytes);
    let session = this.tails.get(key);
    if (session === undefined) {
      session = Session.load(bytes, `${this.encoder.id} tail`, { ...this.options, folder: this.imported.folder });
      this.tails.set(key, session);
      session.catch(() => this.tails.delete(key));
    }
    return session;
  }

  private async runTail(
    session: Session,
    outputs: readonly OutputName[],
    frozen: Feeds,
    views: number,
    states: States,
    items: readonly (readonly number[])[],
  ): Promise<ProgramResult> {
    const { dims, target, boundary } = this.imported;
    const distinct = items.map(distinctRows);
    const longest = distinct.map((places) => Math.max(...places.map((place) => tokensOf(states, place))));
    const pooled = new Float32Array(items.length * views * dims);
    const loss = new Float32Array(outputs.includes('loss') ? items.length : 0);
    const factors = outputs.includes('delta') ? new Array<ProgramResult['factors'][number]>(items.length) : [];
    let block: Float32Array = new Float32Array(0);

    const heights = distinct.map((places) => places.length);
    for (const batch of batchesByTokens(longest, TAIL_LIMITS, heights)) {
      const places = batch.flatMap((item) => distinct[item]!);
      const padded = longest[batch[0]!]!;
      const tokens = places.map((place) => tokensOf(states, place));
      const results = await session.run(
        {
          ...Object.fromEntries(boundary.map(({ name }, i) => [name, gather(states, i, places, padded)])),
          [POOLING]: poolingTensor(this.encoder.pooling, tokens, padded),
          ...(views > 1 && rowFeeds(batch.map((item) => items[item]!))),
          ...frozen,
        },
        outputs.map((name) => OUTPUTS[name]),
      );
      const read = (name: OutputName): Float32Array => results[OUTPUTS[name]].data as Float32Array;

      const spread = (target: Float32Array, source: Float32Array, width: number): void => {
        batch.forEach((item, row) => {
          target.set(source.subarray(row * width, (row + 1) * width), item * width);
        });
      };
      spread(pooled, read('pooled'), views * dims);
      if (outputs.includes('loss')) spread(loss, read('loss'), 1);
      if (outputs.includes('block')) {
        const width = results[OUTPUTS.block].shape[1]!;
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
