/** A session in a process of its own, as its parent sees it. */
import { CalledProcess } from '../core/processes/called-process.js';
import { Session, type Feeds, type Tensor } from './session.js';

export type SessionRequest =
  | {
      readonly kind: 'load';
      readonly graph: Uint8Array;
      readonly label: string;
      readonly options: Parameters<typeof Session.load>[2];
    }
  | { readonly kind: 'run'; readonly feeds: Feeds; readonly outputs: readonly string[] };

/** What each request is answered with. */
export interface SessionResults {
  readonly load: null;
  readonly run: Readonly<Record<string, Tensor>>;
}

const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? 'session-program.ts' : 'session-program.js', import.meta.url);

export class Replica extends CalledProcess {
  private constructor() {
    super(PROGRAM, {
      what: 'a process that shared the work of an encoder',
      hint: 'Memory may have been short: each holds the weights once more. --processes 0 does without.',
      unobtrusive: true,
    });
  }

  /** @throws {FungiError} as {@link Session.load}; WORKER_FAILED */
  static async start(
    graph: Uint8Array,
    label: string,
    options: NonNullable<Parameters<typeof Session.load>[2]>,
  ): Promise<Replica> {
    const replica = new Replica();
    try {
      await replica.ask<SessionResults['load']>({ kind: 'load', graph, label, options } satisfies SessionRequest);
      return replica;
    } catch (error) {
      replica.kill();
      throw error;
    }
  }

  /** @throws {FungiError} RUNTIME_FAILED; WORKER_FAILED */
  run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    return this.ask({ kind: 'run', feeds, outputs } satisfies SessionRequest);
  }
}
