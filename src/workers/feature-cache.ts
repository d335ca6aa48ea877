/** Features that were computed, by what they are of, and those that are being computed: the same item is computed once. */
import { createHash } from 'node:crypto';
import { abortedBy } from '../selector/featurizer.js';
import type { ItemFeature } from './model-pool.js';

interface Flight {
  readonly result: Promise<ItemFeature>;
  readonly controller: AbortController;
  waiters: number;
}

/** About what an entry takes beside its vector. */
const OVERHEAD_BYTES = 200;

export class FeatureCache {
  /** From the longest unused to the last used. */
  private readonly kept = new Map<string, ItemFeature>();
  private readonly flights = new Map<string, Flight>();
  private bytes = 0;
  hits = 0;

  /** @param maxBytes 0 keeps nothing; an item that is being computed is shared all the same */
  constructor(private readonly maxBytes: number) {}

  /**
   * The item's feature: kept, under way for somebody else, or computed now. Work is given up when everybody who waits for it has left.
   *
   * @param source what computes it
   * @throws {FungiError} what `compute` throws; ABORTED, or the signal's reason
   */
  async get(
    source: string,
    item: string,
    signal: AbortSignal | undefined,
    compute: (signal: AbortSignal) => Promise<ItemFeature>,
  ): Promise<ItemFeature> {
    const key = createHash('sha256').update(source).update('\0').update(item).digest('base64');
    const known = this.kept.get(key);
    if (known !== undefined) {
      this.hits++;
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    return this.join(this.flights.get(key) ?? this.takeOff(key, compute), key, signal);
  }

  private takeOff(key: string, compute: (signal: AbortSignal) => Promise<ItemFeature>): Flight {
    const controller = new AbortController();
    const result = compute(controller.signal).then((feature) => {
      this.keep(key, feature);
      return feature;
    });
    const flight: Flight = { result, controller, waiters: 0 };
    this.flights.set(key, flight);
    const land = (): void => {
      if (this.flights.get(key) === flight) this.flights.delete(key);
    };
    result.then(land, land);
    return flight;
  }

  private join(flight: Flight, key: string, signal: AbortSignal | undefined): Promise<ItemFeature> {
    if (signal === undefined) {
      flight.waiters++;
      return flight.result;
    }
    return new Promise((resolve, reject) => {
      flight.waiters++;
      const leave = (): void => {
        // The next to ask must not join what is being given up.
        if (--flight.waiters === 0) {
          if (this.flights.get(key) === flight) this.flights.delete(key);
          flight.controller.abort(signal.reason);
        }
        reject(abortedBy(signal));
      };
      if (signal.aborted) {
        leave();
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      flight.result
        .finally(() => {
          signal.removeEventListener('abort', leave);
        })
        .then(resolve, reject);
    });
  }

  private keep(key: string, feature: ItemFeature): void {
    const size = ({ vector }: ItemFeature): number => vector.byteLength + OVERHEAD_BYTES;
    if (size(feature) > this.maxBytes) return;
    this.kept.set(key, feature);
    this.bytes += size(feature);
    for (const [oldest, each] of this.kept) {
      if (this.bytes <= this.maxBytes) break;
      this.kept.delete(oldest);
      this.bytes -= size(each);
    }
  }
}
