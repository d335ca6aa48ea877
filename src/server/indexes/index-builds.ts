/** Builds of indexes, each in a process of its own that lets queries go first; one at a time, since each takes every core. */
import pLimit from 'p-limit';
import { FungiError } from '../../core/errors.js';
import type { Progress } from '../../core/progress.js';
import { assertFree } from '../../store/index-folder.js';
import { ModelProcess } from '../../workers/model-process.js';
import type { ModelPlaces } from '../../workers/messages.js';
import type { BuildRequest } from './catalogue.js';

interface Build {
  progress: Progress | undefined;
  process: ModelProcess | undefined;
}

export interface BuildSettings {
  /** Folder of all indexes. */
  readonly indexes: string;
  readonly sources?: ModelPlaces | undefined;
  readonly threads?: number | undefined;
}

/** Added to the process's priority: queries go first. */
const NICENESS = 10;
/** Failures that are told of; the oldest are forgotten. */
const FAILURES = 100;

export class IndexBuilds {
  private readonly running = new Map<string, Build>();
  private readonly failures = new Map<string, Error>();
  private readonly turn = pLimit(1);
  private isClosed = false;

  constructor(private readonly settings: BuildSettings) {}

  /** Names of the indexes that are being built. */
  get names(): string[] {
    return [...this.running.keys()];
  }

  get failed(): ReadonlyMap<string, Error> {
    return this.failures;
  }

  isRunning(name: string): boolean {
    return this.running.has(name);
  }

  progressOf(name: string): Progress | undefined {
    return this.running.get(name)?.progress;
  }

  forget(name: string): void {
    this.failures.delete(name);
  }

  /**
   * @returns what settles when the index is published
   * @throws {FungiError} INDEX_LOCKED while another build of it goes on here; INDEX_EXISTS, INVALID_ARGUMENT
   */
  async start(request: BuildRequest): Promise<{ readonly done: Promise<void> }> {
    const { name, ifExists = 'refuse' } = request;
    const { indexes } = this.settings;
    if (this.isClosed) throw stopping();
    if (this.running.has(name)) {
      throw new FungiError('INDEX_LOCKED', `index "${name}" is being built`, { hint: 'Wait until it is there.' });
    }
    const build: Build = { progress: undefined, process: undefined };
    this.running.set(name, build);
    try {
      await assertFree(indexes, name, ifExists);
    } catch (error) {
      this.running.delete(name);
      throw error;
    }
    this.failures.delete(name);
    const done = this.turn(() => this.run(request, build)).then(
      () => {
        this.running.delete(name);
      },
      (error: unknown) => {
        this.running.delete(name);
        this.fail(name, error as Error);
        throw error;
      },
    );
    done.catch(() => undefined); // who began it need not wait for it
    return { done };
  }

  /** Ends what runs; it goes on where it stopped when the same is built again. */
  close(): void {
    this.isClosed = true;
    for (const { process } of this.running.values()) process?.kill('was ended since the server stops');
  }

  private async run(request: BuildRequest, build: Build): Promise<void> {
    if (this.isClosed) throw stopping();
    const { indexes, sources, threads } = this.settings;
    build.process = new ModelProcess(undefined, NICENESS);
    try {
      const options = {
        ...request,
        indexes,
        ifExists: request.ifExists ?? ('refuse' as const),
        ...(sources !== undefined && { sources }),
        ...(threads !== undefined && { threads }),
      };
      await build.process.call<'build'>(
        { kind: 'build', options },
        {
          onProgress: (progress) => {
            build.progress = progress;
          },
        },
      );
    } finally {
      build.process.kill();
    }
  }

  private fail(name: string, error: Error): void {
    this.failures.set(name, error);
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= FAILURES) break;
      this.failures.delete(oldest);
    }
  }
}

const stopping = (): FungiError => new FungiError('NOT_READY', 'the server is stopping', { hint: 'Ask another.' });
