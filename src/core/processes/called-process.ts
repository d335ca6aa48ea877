/** A Node process that answers calls, as its parent sees it. */
import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { environment } from '../config.js';
import { FungiError } from '../errors.js';
import type { OnProgress } from '../progress.js';
import type { Call, Reply } from './calls.js';
import { errorOf } from './failure.js';

/** Reads TypeScript; found from here, since the parent may be started from any folder. */
const sourceLoader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Secrets that a process which only computes has no use for. */
const WITHHELD = new Set(['OPENAI_API_KEY', 'FUNGI_API_KEYS', 'FUNGI_LLM_API_KEY']);

/** As far as niceness goes. */
const LEAST = 19;

export interface CalledProcessOptions {
  /** Names it in errors. */
  readonly what: string;
  /** What to do when it has ended. */
  readonly hint: string;
  /** Added to the niceness of this process. @default 0 */
  readonly niceness?: number;
  /** Whether the parent may end while it lives, and nothing is asked of it. @default false */
  readonly unobtrusive?: boolean;
}

export interface CallOptions {
  /** Milliseconds after which the process counts as hung and is killed. @default no limit */
  readonly limitMs?: number;
  readonly onProgress?: OnProgress | undefined;
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
  readonly timer: NodeJS.Timeout | undefined;
}

export class CalledProcess {
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  private death: FungiError | undefined;
  /** Settles when the process has ended, with why. */
  readonly ended: Promise<FungiError>;

  /** @param program that answers by `answerCalls` */
  constructor(
    program: URL,
    private readonly options: CalledProcessOptions,
  ) {
    const { niceness = 0, unobtrusive = false } = options;
    const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !WITHHELD.has(name)));
    const execArgv = program.pathname.endsWith('.ts') ? ['--import', sourceLoader()] : [];
    this.child = fork(fileURLToPath(program), [], { serialization: 'advanced', execArgv, env });
    if (niceness > 0) stepBack(this.child.pid, niceness);
    if (unobtrusive) {
      this.child.unref();
      this.child.channel?.unref();
    }
    this.child.on('message', (reply: Reply<unknown>) => {
      this.receive(reply);
    });
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        resolve(this.end(how));
      };
      this.child.once('error', (error) => {
        end(`could not be started: ${error.message}`);
      });
      this.child.once('exit', (code, signal) => {
        end(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isAlive(): boolean {
    return this.death === undefined;
  }

  /** @throws {FungiError} what the work throws; WORKER_FAILED when the process ends, or is killed since it did not answer in time */
  protected ask<Result>(request: unknown, { limitMs, onProgress }: CallOptions = {}): Promise<Result> {
    if (this.death !== undefined) return Promise.reject(this.death);
    const call = ++this.calls;
    return new Promise((resolve, reject) => {
      const timer =
        limitMs === undefined
          ? undefined
          : setTimeout(() => {
              this.kill(`did not answer within ${limitMs} ms and was killed`);
            }, limitMs);
      this.pending.set(call, { resolve, reject, onProgress, timer });
      if (this.pending.size === 1) this.child.channel?.ref();
      const message: Call<unknown> = { call, request };
      this.child.send(message, (error) => {
        if (error) this.kill(`could not be reached: ${error.message}`);
      });
    });
  }

  /** Ends it at once: a run inside the native runtime cannot be interrupted otherwise. */
  kill(how = 'was ended'): void {
    this.end(how);
    this.child.kill('SIGKILL');
  }

  private receive(reply: Reply<unknown>): void {
    const pending = this.pending.get(reply.call);
    if (pending === undefined) return;
    if ('progress' in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.pending.delete(reply.call);
    clearTimeout(pending.timer);
    this.rest();
    if ('result' in reply) pending.resolve(reply.result as never);
    else pending.reject(errorOf(reply.failure));
  }

  private rest(): void {
    if (this.options.unobtrusive === true && this.pending.size === 0) this.child.channel?.unref();
  }

  private end(how: string): FungiError {
    const { what, hint } = this.options;
    this.death ??= new FungiError('WORKER_FAILED', `${what} (${this.child.pid ?? 'no pid'}) ${how}`, { hint });
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(this.death);
    }
    this.pending.clear();
    this.rest();
    return this.death;
  }
}

function stepBack(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, Math.min(LEAST, getPriority() + niceness));
  } catch {
    // Some sandboxes forbid it. It makes nothing wrong, only slower for others.
  }
}
