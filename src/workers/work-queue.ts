/**
 * What waits for a model process, bounded by tokens and by age (the idea is that of text-embeddings-inference). Queries go before examples
 * that are to be stored, which get a turn of their own now and then.
 */
import { FungiError } from '../core/errors.js';

/** A query is waited for by somebody; examples to be stored may wait for queries. */
export type WorkClass = 'query' | 'bulk';

export interface Work {
  /** Only work of one source shares a run. */
  readonly source: string;
  readonly kind: WorkClass;
  /** About how many tokens its views have. */
  readonly tokens: number;
  /** When it came, milliseconds. */
  readonly since: number;
  /** Told that it waited too long: it is out of the queue. */
  refuse(error: FungiError): void;
}

export interface QueueLimits {
  /** Of one run, tokens; a longer item runs alone. @default 8192 */
  readonly batchTokens: number;
  /** Waiting, tokens of each class. @default 262144 */
  readonly queueTokens: number;
  /** How long a query may wait, milliseconds. @default 5000 */
  readonly maxWaitMs: number;
}

export const DEFAULT_QUEUE_LIMITS: QueueLimits = { batchTokens: 8192, queueTokens: 262_144, maxWaitMs: 5000 };

/** Runs of queries in a row after which waiting examples get one. */
const QUERY_RUNS = 8;

interface Lane<W> {
  /** By source, each in order of arrival. */
  readonly waiting: Map<string, W[]>;
  tokens: number;
}

export class WorkQueue<W extends Work> {
  private readonly lanes: Readonly<Record<WorkClass, Lane<W>>> = {
    query: { waiting: new Map(), tokens: 0 },
    bulk: { waiting: new Map(), tokens: 0 },
  };
  private queryRuns = 0;
  /** Tokens a millisecond, over the last runs; unknown at first. */
  private rate: number | undefined;

  constructor(
    private readonly limits: QueueLimits,
    private readonly now: () => number,
  ) {}

  /** Waiting, of both classes. */
  get tokens(): number {
    return this.lanes.query.tokens + this.lanes.bulk.tokens;
  }

  get size(): number {
    return Object.values(this.lanes).reduce(
      (sum, { waiting }) => sum + [...waiting.values()].reduce((n, works) => n + works.length, 0),
      0,
    );
  }

  /** @throws {FungiError} OVERLOADED when there is no room, or the wait would be too long; details.retryAfterMs says when to try again */
  add(work: W): void {
    const lane = this.lanes[work.kind];
    const { queueTokens, maxWaitMs } = this.limits;
    const ahead = lane.tokens;
    if (ahead > 0 && ahead + work.tokens > queueTokens) throw this.overloaded('full', ahead);
    if (work.kind === 'query' && this.waitMs(ahead) > maxWaitMs) throw this.overloaded('late', ahead);
    const works = lane.waiting.get(work.source);
    if (works === undefined) lane.waiting.set(work.source, [work]);
    else works.push(work);
    lane.tokens += work.tokens;
  }

  /** Takes it out, where nobody waits for it any more; false when it is out already. */
  drop(work: W): boolean {
    const lane = this.lanes[work.kind];
    const works = lane.waiting.get(work.source);
    const at = works?.indexOf(work) ?? -1;
    if (works === undefined || at === -1) return false;
    works.splice(at, 1);
    if (works.length === 0) lane.waiting.delete(work.source);
    lane.tokens -= work.tokens;
    return true;
  }

  /** The next run: work of the source that has waited longest, up to the token budget. Empty when nothing waits. */
  take(): W[] {
    this.refuseLate();
    const { query, bulk } = this.lanes;
    const isBulk = query.waiting.size === 0 || (bulk.waiting.size > 0 && this.queryRuns >= QUERY_RUNS);
    this.queryRuns = isBulk ? 0 : this.queryRuns + 1;
    return this.takeFrom(isBulk ? bulk : query);
  }

  /** Tells how fast work is done, so that who comes next hears how long it takes. */
  done(tokens: number, ms: number): void {
    if (ms <= 0) return;
    const rate = tokens / ms;
    this.rate = this.rate === undefined ? rate : 0.8 * this.rate + 0.2 * rate;
  }

  /** Takes out everything. */
  clear(): W[] {
    const all = Object.values(this.lanes).flatMap(({ waiting }) => [...waiting.values()].flat());
    for (const lane of Object.values(this.lanes)) {
      lane.waiting.clear();
      lane.tokens = 0;
    }
    return all;
  }

  private takeFrom(lane: Lane<W>): W[] {
    let oldest: W[] = [];
    for (const works of lane.waiting.values()) {
      if (oldest.length === 0 || works[0]!.since < oldest[0]!.since) oldest = works;
    }
    let tokens = 0;
    const end = oldest.findIndex((work, i) => (tokens += work.tokens) > this.limits.batchTokens && i > 0);
    const taken = oldest.splice(0, end === -1 ? oldest.length : end);
    if (taken.length > 0 && oldest.length === 0) lane.waiting.delete(taken[0]!.source);
    lane.tokens -= taken.reduce((sum, work) => sum + work.tokens, 0);
    return taken;
  }

  private refuseLate(): void {
    const { query } = this.lanes;
    const limit = this.now() - this.limits.maxWaitMs;
    const late = [...query.waiting.values()].flatMap((works) => works.filter(({ since }) => since < limit));
    for (const work of late) {
      this.drop(work);
      work.refuse(this.overloaded('late', query.tokens));
    }
  }

  /** Milliseconds until `tokens` are done. */
  private waitMs(tokens: number): number {
    return this.rate === undefined ? 0 : tokens / this.rate;
  }

  private overloaded(reason: 'full' | 'late', ahead: number): FungiError {
    const wait = this.waitMs(ahead);
    const message =
      reason === 'full'
        ? `${ahead} tokens are waiting to be encoded; ${this.limits.queueTokens} may`
        : `what waits to be encoded takes longer than ${this.limits.maxWaitMs} ms`;
    return new FungiError('OVERLOADED', message, {
      hint: 'Try again after the time in Retry-After; more model processes or a smaller encoder take more.',
      details: { reason, retryAfterMs: Math.max(1000, Math.ceil(wait / 2)) },
    });
  }
}
