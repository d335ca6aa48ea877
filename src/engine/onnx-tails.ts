/** Tails as ONNX graphs over the model's own weights, one session a graph: indexes that differ only in their artefacts share it. */
import { FungiError } from '../core/errors.js';
import { sha256 } from '../core/fingerprint.js';
import { assertRules, gradientPath } from '../onnx/gradient-path.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { acquireSession, type SharedSession } from '../runtime/shared-session.js';
import { POOLING } from './forward.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { termsWorthGradient } from './projection.js';
import { buildTail, OUTPUTS, outputsOf, type TailSpec } from './tail.js';
import { assertExact, type Tail, type Tails } from './tails.js';

export class OnnxTails implements Tails {
  readonly engine = 'onnx';
  private readonly sessions = new Map<string, Promise<SharedSession>>();
  private closed = false;

  constructor(
    private readonly imported: ImportedEncoder,
    private readonly options: RuntimeOptions,
  ) {}

  assertDifferentiable(): void {
    const { id, tail, output, target } = this.imported;
    assertExact(this.imported);
    assertRules(gradientPath(tail.nodes, output, target.output), id);
  }

  async load(spec: TailSpec): Promise<Tail> {
    const apart = this.termsAtMost(spec);
    if (apart === Infinity) return this.tail(spec)();
    // Graphs are written now, so that what they lack is known; a session is loaded by the first run that needs it.
    const ways = [false, true].map((built) => this.tail({ ...spec, built }));
    const run: Tail['run'] = async (feeds) => {
      const tail = await ways[Number(feeds[POOLING]!.shape[1]! > apart)]!();
      return tail.run(feeds);
    };
    return { outputs: outputsOf(spec), apart, run };
  }

  async close(): Promise<void> {
    this.closed = true;
    const loaded = await Promise.allSettled(this.sessions.values());
    const sessions = loaded.flatMap((tail) => (tail.status === 'fulfilled' ? [tail.value] : []));
    await Promise.all(sessions.map((session) => session.release()));
  }

  /** Tokens of a row up to which its block is computed term by term. Of texts always: few have as many. */
  private termsAtMost({ gradient }: TailSpec): number {
    const { modality, slice, tokens, target } = this.imported;
    if (modality === 'text' || gradient?.kind !== 'bilinear') return Infinity;
    const terms = termsWorthGradient(target, gradient);
    return (slice ?? tokens ?? Infinity) > terms ? terms : Infinity;
  }

  /** Writes its graph, and loads it when asked to. */
  private tail(spec: TailSpec): () => Promise<Tail> {
    const { bytes, outputs } = buildTail(this.imported, spec);
    const key = sha256(bytes);
    const names = outputs.map((name) => OUTPUTS[name]);
    return async () => {
      const session = await this.session(key, bytes);
      return {
        outputs,
        async run(feeds) {
          const results = await session.run(feeds, names);
          return Object.fromEntries(outputs.map((name) => [name, results[OUTPUTS[name]]])) as Awaited<
            ReturnType<Tail['run']>
          >;
        },
      };
    };
  }

  private session(key: string, bytes: Uint8Array): Promise<SharedSession> {
    const { id, modelSha256, tail } = this.imported;
    if (this.closed) throw new FungiError('RUNTIME_FAILED', `${id} tail: the session is closed`);
    let session = this.sessions.get(key);
    if (session === undefined) {
      session = acquireSession(bytes, `${id} tail`, {
        ...this.options,
        folder: tail.folder,
        weightsSha256: modelSha256,
      });
      this.sessions.set(key, session);
      session.catch(() => this.sessions.delete(key));
    }
    return session;
  }
}
