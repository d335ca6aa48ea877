/**
 * How long the parts of a piece of work took, told to whoever asked for it. By async context: what computes and searches need not know who
 * asks, nor hand him on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Waiting for a model process; computing features there; searching. */
export type PhaseName = 'queue' | 'infer' | 'search';

export interface Phase {
  readonly name: PhaseName;
  /** Of performance.now(), milliseconds. */
  readonly start: number;
  readonly end: number;
  /** Sizes of the work by name. Never texts. */
  readonly sizes: Readonly<Record<string, number>>;
}

export type PhaseListener = (phase: Phase) => void;

const listening = new AsyncLocalStorage<PhaseListener>();

/** Runs `work`; `listener` is told of its phases, also of those that end behind its first await. */
export const withPhases = <T>(listener: PhaseListener, work: () => T): T => listening.run(listener, work);

/** Who listens to the work under way; undefined where nobody does. */
export const phaseListener = (): PhaseListener | undefined => listening.getStore();

/** Runs `work` as a phase of its own. One that fails is none. */
export async function asPhase<T>(name: PhaseName, sizes: Phase['sizes'], work: () => Promise<T>): Promise<T> {
  const listener = phaseListener();
  if (listener === undefined) return work();
  const start = performance.now();
  const result = await work();
  listener({ name, start, end: performance.now(), sizes });
  return result;
}
