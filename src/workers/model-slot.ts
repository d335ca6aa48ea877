/** A place for one model process: when that dies, another takes its place, after a wait that grows with each failure in a row. */
import type { FeatureSource, FeaturizeResult, SourceInfo } from './messages.js';
import { ModelProcess } from './model-process.js';
import type { Item } from '../core/item.js';

export interface SlotOptions {
  /** What runs in the process. @default the model program */
  readonly program?: URL | undefined;
  /** How long a run may take, milliseconds: a process that takes longer hangs, and is killed. */
  readonly runLimitMs: number;
  /** How long opening a model may take, downloads included. */
  readonly openLimitMs: number;
  /** The first wait; each failure in a row doubles it. */
  readonly backOffMs: number;
  readonly maxBackOffMs: number;
  readonly onRestart: () => void;
}

export class ModelSlot {
  isBusy = false;
  private process: ModelProcess;
  /** Sources that this process has open. */
  private opened = new Map<string, Promise<SourceInfo>>();
  private failures = 0;
  private restart: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: SlotOptions) {
    this.process = this.start();
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  /** @throws {FungiError} what opening throws; WORKER_FAILED */
  async open(source: FeatureSource): Promise<SourceInfo> {
    await this.restart;
    let info = this.opened.get(source.key);
    if (info === undefined) {
      const { opened } = this;
      info = this.process.call<'open'>({ kind: 'open', source }, { limitMs: this.options.openLimitMs });
      opened.set(source.key, info);
      info.catch(() => opened.delete(source.key));
    }
    return info;
  }

  /** @throws {FungiError} what the work throws; WORKER_FAILED */
  async featurize(key: string, items: readonly Item[], byBlock: boolean): Promise<FeaturizeResult> {
    const { runLimitMs } = this.options;
    const request = { kind: 'featurize', key, items, byBlock } as const;
    const result = await this.process.call<'featurize'>(request, { limitMs: runLimitMs });
    this.failures = 0;
    return result;
  }

  async closeSource(key: string): Promise<void> {
    if (this.opened.delete(key)) await this.process.call<'close'>({ kind: 'close', key }).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.process.kill();
    await this.process.ended;
  }

  private start(): ModelProcess {
    const started = new ModelProcess(this.options.program);
    this.opened = new Map();
    void started.ended.then(() => {
      if (!this.isClosed) this.restart = this.startAgain();
    });
    return started;
  }

  private async startAgain(): Promise<void> {
    const { backOffMs, maxBackOffMs, onRestart } = this.options;
    const wait = Math.min(maxBackOffMs, backOffMs * 2 ** this.failures++);
    await new Promise((resolve) => setTimeout(resolve, wait).unref());
    if (this.isClosed) return;
    this.process = this.start();
    onRestart();
  }
}
