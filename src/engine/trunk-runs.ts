/** Where the runs of a trunk are computed: in this process, and once encodings have taken long, in others beside it. */
import { FungiError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { Replicas } from '../runtime/replicas.js';
import type { Feeds, Tensor } from '../runtime/session.js';
import type { SharedSession } from '../runtime/shared-session.js';

/** What computes runs, and how many at the same time. */
export interface Runner extends Pick<SharedSession, 'run'> {
  readonly lanes: number;
}

/** All runs on one session. */
export const alone = (session: Pick<SharedSession, 'run'>) => (): Runner => ({
  lanes: 1,
  run: (feeds, outputs) => session.run(feeds, outputs),
});

export interface TrunkRunsOptions {
  /** Starts the other processes; absent where there are to be none. */
  readonly share?: (() => Promise<Replicas>) | undefined;
  readonly log: Logger;
  /** Milliseconds of runs in this process after which others are started: a start takes about a second, and the weights' memory once more each. */
  readonly longMs?: number;
}

const LONG_MS = 2000;

export class TrunkRuns {
  private replicas: Replicas | undefined;
  private starting: Promise<void> | undefined;
  private spentMs = 0;
  private closed = false;

  constructor(
    private readonly session: SharedSession,
    private readonly options: TrunkRunsOptions,
  ) {}

  /** @param runs that an encoding consists of: a single one is soonest done by all threads of this process */
  of(runs: number): Runner {
    if (runs === 1) return alone(this.session)();
    const { replicas } = this;
    if (replicas === undefined) return { lanes: 1, run: (feeds, outputs) => this.runHere(feeds, outputs) };
    return { lanes: replicas.count, run: (feeds, outputs) => this.runBeside(replicas, feeds, outputs) };
  }

  /** Ends the other processes, and lets go of the session. */
  async release(): Promise<void> {
    this.closed = true;
    await this.starting;
    this.replicas?.close();
    this.replicas = undefined;
    await this.session.release();
  }

  private async runHere<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    const { share, longMs = LONG_MS } = this.options;
    const began = performance.now();
    const results = await this.session.run(feeds, outputs);
    this.spentMs += performance.now() - began;
    if (share !== undefined && this.spentMs >= longMs) this.starting ??= this.start(share);
    return results;
  }

  /** What another process could not finish is computed here, and all that follows. */
  private async runBeside<Name extends string>(
    replicas: Replicas,
    feeds: Feeds,
    outputs: readonly Name[],
  ): Promise<Record<Name, Tensor>> {
    try {
      return await replicas.run(feeds, outputs);
    } catch (error) {
      if (!FungiError.is(error) || error.code !== 'WORKER_FAILED') throw error;
      if (this.replicas === replicas) {
        this.replicas = undefined;
        replicas.close();
        this.warn(error);
      }
      return this.session.run(feeds, outputs);
    }
  }

  private async start(share: () => Promise<Replicas>): Promise<void> {
    try {
      const replicas = await share();
      if (this.closed) replicas.close();
      else this.replicas = replicas;
    } catch (error) {
      this.warn(error);
    }
  }

  private warn(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.options.log.warn(`the encoder computes in one process from here on, and slower: ${why}`);
  }
}
