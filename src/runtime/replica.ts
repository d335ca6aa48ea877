/** A session in a process of its own, as its parent sees it. */
import { CalledProcess } from '../core/processes/called-process.js';
import type { Feeds, RuntimeOptions, Tensor } from './session.js';

export interface ReplicaOptions extends RuntimeOptions {
  /** Of the graph's external data. */
  readonly folder: string;
}

export type SessionRequest =
  | { readonly kind: 'load'; readonly graph: Uint8Array; readonly label: string; readonly options: ReplicaOptions }
  | { readonly kind: 'run'; readonly feeds: Feeds; readonly outputs: readonly string[] };

const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? 'session-program.ts' : 'session-program.js', import.meta.url);

/** A process that is stopped or hangs must not hold up what it shares for ever: what it was to do is done elsewhere then. */
const [LOAD_MS, RUN_MS] = [120_000, 600_000];

export class Replica extends CalledProcess {
  constructor() {
    super(PROGRAM, {
      what: 'a process that shared the work of an encoder',
      hint: 'Memory may have been short, since each holds the weights once more: --processes 0 (`processes: 0`) does without.',
      unobtrusive: true,
    });
  }

  /** @throws {FungiError} as `Session.load`; WORKER_FAILED */
  load(graph: Uint8Array, label: string, options: ReplicaOptions): Promise<null> {
    return this.ask({ kind: 'load', graph, label, options } satisfies SessionRequest, { limitMs: LOAD_MS });
  }

  /** @throws {FungiError} RUNTIME_FAILED; WORKER_FAILED */
  run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    return this.ask({ kind: 'run', feeds, outputs } satisfies SessionRequest, { limitMs: RUN_MS });
  }
}
