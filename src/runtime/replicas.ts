/**
 * One graph in several processes, which run it at the same time. Threads inside one operator wait for each other at every operator, and leave a
 * fifth of two cores idle; whole runs side by side wait for nothing.
 */
import { Replica, type ReplicaOptions } from './replica.js';
import type { Feeds, Tensor } from './session.js';

export interface ReplicasOptions extends ReplicaOptions {
  readonly count: number;
  /** Ends them while they are being started. */
  readonly signal?: AbortSignal | undefined;
}

export class Replicas {
  private readonly idle: Replica[];
  private readonly waiting: ((replica: Replica) => void)[] = [];

  private constructor(private readonly replicas: readonly Replica[]) {
    this.idle = [...replicas];
  }

  /** @throws {FungiError} as {@link Replica.load}; none is left running then */
  static async start(
    graph: Uint8Array,
    label: string,
    { count, signal, ...options }: ReplicasOptions,
  ): Promise<Replicas> {
    const replicas = new Replicas(Array.from({ length: count }, () => new Replica()));
    const stop = (): void => {
      replicas.close();
    };
    signal?.addEventListener('abort', stop);
    try {
      signal?.throwIfAborted();
      await Promise.all(replicas.replicas.map((replica) => replica.load(graph, label, options)));
      return replicas;
    } catch (error) {
      stop();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Runs at the same time. */
  get count(): number {
    return this.replicas.length;
  }

  get pids(): readonly number[] {
    return this.replicas.map(({ pid }) => pid!);
  }

  /** By whichever is idle first. @throws {FungiError} RUNTIME_FAILED; WORKER_FAILED when the process ends meanwhile */
  async run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    const replica = this.idle.pop() ?? (await new Promise<Replica>((resolve) => this.waiting.push(resolve)));
    try {
      return await replica.run(feeds, outputs);
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.idle.push(replica);
      else next(replica);
    }
  }

  /** Ends the processes, whatever they do. */
  close(): void {
    for (const replica of this.replicas) replica.kill();
  }
}
