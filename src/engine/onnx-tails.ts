/** Tails as ONNX graphs over the model's own weights, one session a graph: indexes that differ only in their artefacts share it. */
import { sha256 } from '../core/fingerprint.js';
import { assertRules, gradientPath } from '../onnx/gradient-path.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { acquireSession, type SharedSession } from '../runtime/shared-session.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { buildTail, OUTPUTS, type TailSpec } from './tail.js';
import { assertExact, type Tail, type Tails } from './tails.js';

export class OnnxTails implements Tails {
  readonly engine = 'onnx';
  private readonly sessions = new Map<string, Promise<SharedSession>>();

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
    const { bytes, outputs } = buildTail(this.imported, spec);
    const session = await this.session(bytes);
    const names = outputs.map((name) => OUTPUTS[name]);
    return {
      outputs,
      async run(feeds) {
        const results = await session.run(feeds, names);
        return Object.fromEntries(outputs.map((name) => [name, results[OUTPUTS[name]]])) as Awaited<
          ReturnType<Tail['run']>
        >;
      },
    };
  }

  async close(): Promise<void> {
    const loaded = await Promise.allSettled(this.sessions.values());
    const sessions = loaded.flatMap((tail) => (tail.status === 'fulfilled' ? [tail.value] : []));
    await Promise.all(sessions.map((session) => session.release()));
  }

  private session(bytes: Uint8Array): Promise<SharedSession> {
    const { id, modelSha256, tail } = this.imported;
    const key = sha256(bytes);
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
