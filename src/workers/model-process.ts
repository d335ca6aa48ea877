/** One model process, as its parent sees it. */
import { fork, type ChildProcess } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { environment } from '../core/config.js';
import { FungiError } from '../core/errors.js';
import type { OnProgress } from '../core/progress.js';
import { errorOf, type WorkerCall, type WorkerMessage, type WorkerRequest, type WorkerResults } from './messages.js';

/** What runs in a model process; tests put their own in its place. */
export const MODEL_PROGRAM = new URL(import.meta.url.endsWith('.ts') ? 'child.ts' : 'child.js', import.meta.url);

/** Reads TypeScript; found from here, since the server may be started from any folder. */
const sourceLoader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Secrets that a process which only computes has no use for. */
const WITHHELD = new Set(['OPENAI_API_KEY', 'FUNGI_API_KEYS', 'FUNGI_LLM_API_KEY']);

/** As far as niceness goes. */
const LEAST = 19;

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
  readonly timer: NodeJS.Timeout | undefined;
}

export interface CallOptions {
  /** Milliseconds after which the process counts as hung and is killed. @default no limit */
  readonly limitMs?: number;
  readonly onProgress?: OnProgress | undefined;
}

export class ModelProcess {
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  private death: FungiError | undefined;
  /** Settles when the process has ended, with why. */
  readonly ended: Promise<FungiError>;

  /** @param niceness added to that of this process: a build lets queries go first */
  constructor(program: URL = MODEL_PROGRAM, niceness = 0) {
    const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !WITHHELD.has(name)));
    const execArgv = program.pathname.endsWith('.ts') ? ['--import', sourceLoader()] : [];
    this.child = fork(fileURLToPath(program), [], { serialization: 'advanced', execArgv, env });
    if (niceness > 0) stepBack(this.child.pid, niceness);
    this.child.on('message', (message: WorkerMessage) => {
      this.receive(message);
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
  call<K extends WorkerRequest['kind']>(
    request: Extract<WorkerRequest, { kind: K }>,
    { limitMs, onProgress }: CallOptions = {},
  ): Promise<WorkerResults[K]> {
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
      const message: WorkerCall = { call, request };
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

  private receive(message: WorkerMessage): void {
    const pending = this.pending.get(message.call);
    if (pending === undefined) return;
    if ('progress' in message) {
      pending.onProgress?.(message.progress);
      return;
    }
    this.pending.delete(message.call);
    clearTimeout(pending.timer);
    if ('result' in message) pending.resolve(message.result as never);
    else pending.reject(errorOf(message.failure));
  }

  private end(how: string): FungiError {
    this.death ??= new FungiError('WORKER_FAILED', `a model process (${this.child.pid ?? 'no pid'}) ${how}`, {
      hint: 'It is started again; try once more in a moment.',
    });
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(this.death);
    }
    this.pending.clear();
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
