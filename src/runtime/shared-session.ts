/**
 * Sessions over one model's weights, shared by all in this process that ask for the same graph: onnxruntime packs the weights of
 * every session anew, which for BERT-base takes 340 MB.
 */
import { FungiError } from '../core/errors.js';
import { fingerprint, sha256 } from '../core/fingerprint.js';
import { Session, type Feeds, type RuntimeOptions, type Tensor } from './session.js';

export interface SharedOptions extends RuntimeOptions {
  /** Of the graph's external data. */
  readonly folder: string;
  /** sha256 of the model that the graph is made of; '' where it is not known: nothing is shared then. */
  readonly weightsSha256: string;
}

/** A session as one of its users holds it. */
export interface SharedSession {
  /** @throws {FungiError} RUNTIME_FAILED */
  run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>>;
  /** The last user's closes the session. */
  release(): Promise<void>;
}

interface Entry {
  readonly session: Promise<Session>;
  users: number;
}

const open = new Map<string, Entry>();

/** @throws {FungiError} as {@link Session.load} */
export async function acquireSession(graph: Uint8Array, label: string, options: SharedOptions): Promise<SharedSession> {
  const { folder, weightsSha256, provider = 'cpu', threads = 0 } = options;
  if (weightsSha256 === '') return Session.load(graph, label, options);
  const key = fingerprint({ graph: sha256(graph), folder, weightsSha256, provider, threads, label });
  const known = open.get(key);
  const entry = known ?? { session: Session.load(graph, label, options), users: 0 };
  if (known === undefined) {
    open.set(key, entry);
    // What failed to load is tried again by the next who asks.
    entry.session.catch(() => open.delete(key));
  }
  entry.users += 1;
  const session = await entry.session;
  let released = false;
  return {
    async run(feeds, outputs) {
      // Others may still hold the session: this user has no right to it any more.
      if (released) throw new FungiError('RUNTIME_FAILED', `${label}: the session is closed`);
      return session.run(feeds, outputs);
    },
    async release() {
      if (released) return;
      released = true;
      entry.users -= 1;
      if (entry.users > 0) return;
      open.delete(key);
      await session.release();
    },
  };
}
