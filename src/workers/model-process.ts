/** One model process, as its parent sees it. */
import { CalledProcess, type CallOptions } from '../core/processes/called-process.js';
import type { WorkerRequest, WorkerResults } from './messages.js';

/** What runs in a model process; tests put their own in its place. */
export const MODEL_PROGRAM = new URL(import.meta.url.endsWith('.ts') ? 'child.ts' : 'child.js', import.meta.url);

export class ModelProcess extends CalledProcess {
  /** @param niceness added to that of this process: a build lets queries go first */
  constructor(program: URL = MODEL_PROGRAM, niceness = 0) {
    super(program, {
      what: 'a model process',
      hint: 'It is started again; try once more in a moment.',
      niceness,
    });
  }

  /** @throws {FungiError} what the work throws; WORKER_FAILED when the process ends, or is killed since it did not answer in time */
  call<K extends WorkerRequest['kind']>(
    request: Extract<WorkerRequest, { kind: K }>,
    options?: CallOptions,
  ): Promise<WorkerResults[K]> {
    return this.ask(request, options);
  }
}
