/** Where the runs of a trunk are computed: in this process, and once encodings have taken long, in others beside it. */
import { FungiError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { Replicas } from '../runtime/replicas.js';
import type { Feeds, Tensor } from '../runtime/session.js';
import type { SharedSession } from '../runtime/shared-session.js';

/** What computes runs. */
export interface Runner extends Pick<SharedSession, 'run'> {
  /** Runs that it computes at the same time; more of them may be added to an encoding that is under way. */
  readonly lanes: number;
}

/** All runs on one session. */
export const alone = (session: Pick<SharedSession, 'run'>): Runner => ({
  lanes: 1,
  run: (feeds, outputs) => session.run(feeds, outputs),
});

export interface TrunkRunsOptions {
  /** Starts the other processes, unless it is told to stop; absent where there are to be none. */
  readonly share?: ((signal: AbortSignal) => Promise<Replicas>) | undefined;
  readonly log: Logger;
  /** Milliseconds of runs in this process after which others are started: a start takes about a second, and the weights' memory once more each. */
  readonly longMs?: number;
  /** Milliseconds without a run after which they are ended. */
  readonly idleMs?: number;
}

const LONG_MS = 2000;
const IDLE_MS = 30_000;

export class TrunkRuns {
  private replicas: Replicas | undefined;
  private starting: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private spentMs = 0;
  private idle: NodeJS.Timeout | undefined;
  /** Of encodings of several runs. */
  private readonly many: Runner;

  constructor(
    private readonly session: SharedSession,
    private readonly options: TrunkRunsOptions,
  ) {
    const lanes = (): number => this.replicas?.count ?? 1;
    this.many = {
      get lanes() {
        return lanes();
      },
      run: (feeds, outputs) =>
        this.replicas === undefined ? this.runHere(feeds, outputs) : this.runBeside(this.replicas, feeds, outputs),
    };
  }

  /** @param runs that an encoding consists of: a single one is soonest done by all threads of this process */
  of(runs: number): Runner {
    return runs === 1 ? alone(this.session) : this.many;
  }

  /** Ends the other processes, also those that are being started, and lets go of the session. */
  async release(): Promise<void> {
    this.closing.abort();
    await this.starting;
    this.end();
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

  /** What another process cannot compute is computed here: it may have been its memory. Once one has ended, so is all that follows. */
  private async runBeside<Name extends string>(
    replicas: Replicas,
    feeds: Feeds,
    outputs: readonly Name[],
  ): Promise<Record<Name, Tensor>> {
    this.rest();
    try {
      return await replicas.run(feeds, outputs);
    } catch (error) {
      if (FungiError.is(error) && error.code === 'WORKER_FAILED' && this.replicas === replicas) {
        this.end();
        this.warn(error);
      }
      return this.session.run(feeds, outputs);
    }
  }

  private async start(share: (signal: AbortSignal) => Promise<Replicas>): Promise<void> {
    const { signal } = this.closing;
    try {
      this.replicas = await share(signal);
      this.rest();
    } catch (error) {
      if (!signal.aborted) this.warn(error);
    }
  }

  /** Until the next run: what follows an encoding may take long, and need the memory. They are started again when it is worth it again. */
  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      this.end();
      this.starting = undefined;
    }, this.options.idleMs ?? IDLE_MS).unref();
  }

  private end(): void {
    clearTimeout(this.idle);
    this.replicas?.close();
    this.replicas = undefined;
  }

  private warn(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const hint = FungiError.is(error) && error.hint !== undefined ? `. ${error.hint}` : '';
    this.options.log.warn(`the encoder computes in one process from here on, and slower: ${why}${hint}`);
  }
}
