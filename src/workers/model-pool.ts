/**
 * Model processes behind a bounded queue. A run that kills its process, or that it hangs in, is halved and tried again until the item that
 * did it is found: that one is refused for a while, and what shared its run gets its features all the same.
 */
import { createHash } from 'node:crypto';
import { FungiError } from '../core/errors.js';
import type { Item } from '../core/item.js';
import { phaseListener, type PhaseListener } from '../core/phases.js';
import { abortedBy } from '../selector/featurizer.js';
import type { FeatureSource, SourceInfo } from './messages.js';
import { ModelSlot, type SlotOptions } from './model-slot.js';
import { Quarantine } from './quarantine.js';
import { DEFAULT_QUEUE_LIMITS, WorkQueue, type QueueLimits, type Work, type WorkClass } from './work-queue.js';

export interface PoolOptions extends Partial<QueueLimits>, Partial<Omit<SlotOptions, 'onRestart'>> {
  /** Model processes. @default 1 */
  readonly processes?: number;
  readonly observer?: Partial<PoolObserver>;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/** Told of what happens, for metrics. */
export interface PoolObserver {
  batch(of: { items: number; tokens: number; inferMs: number; source: string }): void;
  shed(reason: string): void;
  restart(): void;
  quarantined(): void;
}

/** A source in a pool. */
export interface OpenSource {
  readonly source: FeatureSource;
  readonly info: SourceInfo;
  /** Whether what its features are made of is computed in place of them. @default false */
  readonly byBlock?: boolean;
}

/** The feature of one item. */
export interface ItemFeature {
  /** [P], its own; by block [F+Bk·P]. */
  readonly vector: Float32Array;
  readonly truncated: boolean;
}

interface Unit extends Work {
  readonly open: OpenSource;
  readonly item: Item;
  /** Runs that it took part in and that killed their process. */
  crashes: number;
  /** Processes in a row that died while they opened its source: no fault of the item. */
  deathsInOpening: number;
  isSettled: boolean;
  /** Of whoever asked for it. */
  readonly listener: PhaseListener | undefined;
  resolve(feature: ItemFeature): void;
  refuse(error: Error): void;
}

/** An item that was alone in a run which killed its process this often is kept away for a while. */
const LETHAL = 2;
/** A source that this many processes in a row died of is not opened for the same item again. */
const FATAL_OPENINGS = 3;
/** About what a token of a text has. */
const CHARACTERS_PER_TOKEN = 4;

export class ModelPool {
  private readonly slots: readonly ModelSlot[];
  private readonly queue: WorkQueue<Unit>;
  /** Runs to be tried again, before anything else. */
  private readonly again: Unit[][] = [];
  private readonly quarantine: Quarantine;
  private readonly observer: Partial<PoolObserver>;
  private readonly now: () => number;
  private isClosed = false;

  constructor(options: PoolOptions = {}) {
    const { processes = 1, observer = {}, now = () => performance.now() } = options;
    this.observer = observer;
    this.now = now;
    this.quarantine = new Quarantine(now);
    this.queue = new WorkQueue({ ...DEFAULT_QUEUE_LIMITS, ...definedLimits(options) }, now);
    const slot: SlotOptions = {
      program: options.program,
      runLimitMs: options.runLimitMs ?? 60_000,
      openLimitMs: options.openLimitMs ?? 600_000,
      backOffMs: options.backOffMs ?? 50,
      maxBackOffMs: options.maxBackOffMs ?? 30_000,
      onRestart: () => {
        observer.restart?.();
        this.pump();
      },
    };
    this.slots = Array.from({ length: processes }, () => new ModelSlot(slot));
  }

  /** Process ids, of the living. */
  get pids(): number[] {
    return this.slots.flatMap(({ isAlive, pid }) => (isAlive && pid !== undefined ? [pid] : []));
  }

  /** Items, and their tokens, that wait. */
  get waiting(): { readonly items: number; readonly tokens: number } {
    return { items: this.queue.size, tokens: this.queue.tokens };
  }

  /** Opens a source in every process, and tries it with one short item: the first run of a session is its slowest. */
  async open(source: FeatureSource): Promise<OpenSource> {
    const infos = await Promise.all(this.slots.map((slot) => slot.open(source)));
    return { source, info: infos[0]! };
  }

  async closeSource(key: string): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.closeSource(key)));
  }

  /**
   * @throws {FungiError} OVERLOADED, ITEM_QUARANTINED, WORKER_FAILED; ABORTED or what the signal's reason is; what computing throws
   */
  featurize(open: OpenSource, item: Item, kind: WorkClass, signal?: AbortSignal): Promise<ItemFeature> {
    if (this.isClosed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    const termMs = this.quarantine.remaining(quarantineKey(open, item));
    if (termMs > 0) return Promise.reject(quarantined(termMs));
    return new Promise((resolve, reject) => {
      const unit: Unit = {
        open,
        item,
        kind,
        source: outputOf(open),
        tokens: tokensOf(open.info, item),
        since: this.now(),
        crashes: 0,
        deathsInOpening: 0,
        isSettled: false,
        listener: phaseListener(),
        resolve: (feature) => {
          settle();
          resolve(feature);
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const settle = (): void => {
        unit.isSettled = true;
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        this.queue.drop(unit);
        unit.refuse(abortedBy(signal!));
      };
      try {
        this.queue.add(unit);
      } catch (error) {
        this.observer.shed?.((error as FungiError).details['reason'] as string);
        unit.refuse(error as Error);
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      // Items of one request are all in the queue before the first of them is taken.
      queueMicrotask(() => {
        this.pump();
      });
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const unit of [...this.queue.clear(), ...this.again.splice(0).flat()]) unit.refuse(closedError());
    await Promise.all(this.slots.map((slot) => slot.close()));
  }

  private pump(): void {
    if (this.isClosed) return;
    for (const slot of this.slots) {
      if (slot.isBusy || !slot.isAlive) continue;
      const batch = (this.again.shift() ?? this.queue.take()).filter(({ isSettled }) => !isSettled);
      if (batch.length === 0) {
        if (this.again.length > 0) this.pump();
        return;
      }
      slot.isBusy = true;
      void this.run(slot, batch).finally(() => {
        slot.isBusy = false;
        this.pump();
      });
    }
  }

  private async run(slot: ModelSlot, batch: readonly Unit[]): Promise<void> {
    const { source, byBlock = false } = batch[0]!.open;
    const start = this.now();
    try {
      await slot.open(source);
    } catch (error) {
      this.notOpened(batch, error);
      return;
    }
    const opened = this.now();
    try {
      const { vectors, truncated, inferMs } = await slot.featurize(
        source.key,
        batch.map(({ item }) => item),
        byBlock,
      );
      const width = vectors.length / batch.length;
      const tokens = batch.reduce((sum, unit) => sum + unit.tokens, 0);
      const end = this.now();
      this.queue.done(tokens, (end - opened) / this.slots.length);
      tellPhases(batch, { start, opened, end, tokens });
      this.observer.batch?.({
        items: batch.length,
        tokens,
        inferMs,
        source: source.key,
      });
      batch.forEach((unit, i) => {
        unit.resolve({
          vector: vectors.slice(i * width, (i + 1) * width),
          truncated: truncated[i]!,
        });
      });
    } catch (error) {
      this.failed(batch, error);
    }
  }

  /** Whoever ended the process while it loaded its model: the next one may get further. */
  private notOpened(batch: readonly Unit[], error: unknown): void {
    const isCrash = FungiError.is(error, 'WORKER_FAILED') && !this.isClosed;
    const again = batch.filter((unit) => isCrash && ++unit.deathsInOpening < FATAL_OPENINGS);
    for (const unit of batch) if (!again.includes(unit)) unit.refuse(error as Error);
    if (again.length > 0) this.again.unshift(again);
  }

  /** One item spoils a run: which one it was, halves tell. */
  private failed(batch: readonly Unit[], error: unknown): void {
    if (this.isClosed) {
      for (const unit of batch) unit.refuse(error as Error);
      return;
    }
    const isCrash = FungiError.is(error, 'WORKER_FAILED');
    if (batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      this.again.unshift(batch.slice(0, half), batch.slice(half));
      return;
    }
    const unit = batch[0]!;
    if (!isCrash) unit.refuse(error as Error);
    else if (++unit.crashes < LETHAL) this.again.unshift([unit]);
    else {
      const termMs = this.quarantine.add(quarantineKey(unit.open, unit.item));
      this.observer.quarantined?.();
      unit.refuse(quarantined(termMs));
    }
  }
}

/** Names what is computed of an item: runs and cached features are of one output. */
export const outputOf = ({ source: { key }, byBlock = false }: OpenSource): string =>
  byBlock ? `${key} by block` : key;

/** Whoever has items in a run hears how long the first of them waited, and how long the run took. */
function tellPhases(
  batch: readonly Unit[],
  { start, opened, end, tokens }: Readonly<Record<'start' | 'opened' | 'end' | 'tokens', number>>,
): void {
  const own = new Map<PhaseListener, Unit[]>();
  for (const unit of batch) {
    if (unit.listener !== undefined) own.set(unit.listener, [...(own.get(unit.listener) ?? []), unit]);
  }
  for (const [tell, units] of own) {
    const since = Math.min(...units.map((unit) => unit.since));
    const sizes = { items: units.length };
    tell({ name: 'queue', start: since, end: start, sizes });
    tell({ name: 'infer', start: opened, end, sizes: { ...sizes, 'run.items': batch.length, 'run.tokens': tokens } });
  }
}

/** About how many tokens the views of an item have: what it costs, without running its tokenizer in this process. */
function tokensOf({ modality, maxTokens, viewsPerItem }: SourceInfo, item: Item): number {
  const tokens =
    modality === 'text' ? Math.min(maxTokens, 2 + Math.ceil(item.length / CHARACTERS_PER_TOKEN)) : maxTokens;
  return tokens * viewsPerItem;
}

const quarantineKey = ({ source }: OpenSource, item: Item): string =>
  createHash('sha256').update(source.key).update('\0').update(item).digest('base64');

const quarantined = (termMs: number): FungiError => {
  const seconds = Math.ceil(termMs / 1000);
  return new FungiError(
    'ITEM_QUARANTINED',
    `a model process died of this item, alone, twice: not tried for ${seconds} s`,
    {
      hint: 'Leave it out, or change it; when it is an ordinary text, memory may have been short: it is tried again after that time.',
    },
  );
};

const closedError = (): FungiError => new FungiError('NOT_READY', 'the server is stopping', { hint: 'Ask another.' });

function definedLimits({ batchTokens, queueTokens, maxWaitMs }: Partial<QueueLimits>): Partial<QueueLimits> {
  return {
    ...(batchTokens !== undefined && { batchTokens }),
    ...(queueTokens !== undefined && { queueTokens }),
    ...(maxWaitMs !== undefined && { maxWaitMs }),
  };
}
