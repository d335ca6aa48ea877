/** Indexes in memory, whose features are letter counts: the real selector, search, filters, votes and templates, and no model. */
import { FungiError } from '../../../src/core/errors.js';
import type { FileLock } from '../../../src/core/file-lock.js';
import type { ExampleInput, Modality } from '../../../src/core/item.js';
import { silentLogger } from '../../../src/core/log.js';
import type { Embedder } from '../../../src/selector/embedder.js';
import type { Featurized, Featurizer, FeaturizeOptions } from '../../../src/selector/featurizer.js';
import type { OpenedIndex } from '../../../src/selector/opened-index.js';
import { distinct } from '../../../src/selector/rows.js';
import { FungiSelector } from '../../../src/selector/selector.js';
import type { BuildRequest, IndexCatalogue, IndexStatus } from '../../../src/server/indexes/catalogue.js';
import type { Manifest } from '../../../src/store/manifest.js';
import { MemoryStore } from '../../../src/store/memory.js';

export const DIMS = 4;

export class LetterCounts implements Featurizer {
  readonly dims = DIMS;
  readonly blocks = [
    { name: 'kl', start: 0, width: 1, weight: 1 },
    { name: 'embedding', start: 1, width: DIMS - 1, weight: 1 },
  ];
  /** Everything that was ever computed, in order. */
  readonly items: string[] = [];
  /** Waited for by each call. */
  gate: Promise<void> = Promise.resolve();

  constructor(readonly modality: Modality) {}

  async featurize(items: readonly string[], { signal }: FeaturizeOptions): Promise<Featurized> {
    await this.gate;
    signal?.throwIfAborted();
    this.items.push(...items);
    const vectors = Float32Array.from(items.flatMap(countsOf));
    return { vectors, truncated: items.map((item) => item.length > 100) };
  }

  /** Nothing is reduced: a block adds its own columns. */
  async featurizeByBlock(items: readonly string[], options: FeaturizeOptions): Promise<Featurized> {
    const { truncated } = await this.featurize(items, options);
    const vectors = Float32Array.from(
      items.flatMap((item) => {
        const [length = 0, ...letters] = countsOf(item);
        return [length, ...letters, length, 0, 0, 0, 0, ...letters];
      }),
    );
    return { vectors, truncated };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const countsOf = (text: string): number[] => [
  text.length,
  ...['a', 'e', 'o'].map((letter) => text.split(letter).length - 1),
];

export interface FakeIndex {
  readonly selector: FungiSelector;
  readonly featurizer: LetterCounts;
}

export interface FakeIndexOptions {
  readonly modality?: Modality;
  readonly centredOnly?: boolean;
  readonly encoderId?: string;
  readonly storeId?: string;
}

export class FakeCatalogue implements IndexCatalogue {
  readonly indexes = new Map<string, FakeIndex>();
  readonly others = new Map<string, IndexStatus>();
  readonly builds: BuildRequest[] = [];
  /** Uses that have begun and not ended. */
  inUse = 0;
  /** What a build ends in; by default the index that was asked for. */
  outcome: ((request: BuildRequest) => Promise<IndexStatus>) | undefined;

  constructor(private readonly encoderModalities: Readonly<Record<string, Modality>> = { 'owner/letters': 'text' }) {}

  get encoders(): readonly string[] {
    return Object.keys(this.encoderModalities);
  }

  /** Puts an index in place, over whatever had its name. */
  async put(
    name: string,
    examples: readonly ExampleInput[],
    { modality = 'text', centredOnly = false, encoderId = 'owner/letters', storeId = 'one' }: FakeIndexOptions = {},
  ): Promise<FakeIndex> {
    const featurizer = new LetterCounts(modality);
    const encoder = { id: encoderId, ...digests, pooling: 'mean', maxTokens: 128, target: 't', modality };
    const manifest: Manifest = {
      ...{ schemaVersion: 1, name, createdAt: '2026-01-02T03:04:05.000Z', libraryVersion: '0.1.0', encoder },
      ...{ features: { losses: [] }, fingerprint: 'c'.repeat(64), artefacts: [] },
      reducer: { kind: 'pca', dims: DIMS, explained: 1, centredOnly },
      ...{ metric: 'l2', dims: DIMS, rows: examples.length, labels: [], truncatedTexts: 0, storeId },
    };
    const opened: OpenedIndex = {
      ...{ manifest, featurizer, store: new MemoryStore(DIMS), onProgress: undefined, log: silentLogger },
      lock: () => Promise.resolve({ release: () => Promise.resolve() } as Pick<FileLock, 'release'> as FileLock),
    };
    const over = FungiSelector as unknown as { over(index: OpenedIndex): Promise<FungiSelector> };
    const selector = await over.over(opened);
    if (examples.length > 0) await selector.add(examples);
    featurizer.items.length = 0;
    this.others.delete(name);
    this.indexes.set(name, { selector, featurizer });
    return { selector, featurizer };
  }

  /** Offers an index that is open already. */
  hold(selector: FungiSelector): void {
    this.indexes.set(selector.name, { selector, featurizer: new LetterCounts(selector.modality) });
  }

  list(): Promise<IndexStatus[]> {
    return Promise.all([...this.indexes.keys(), ...this.others.keys()].sort().map((name) => this.status(name)));
  }

  async status(name: string): Promise<IndexStatus> {
    const other = this.others.get(name);
    if (other !== undefined) return Promise.resolve(other);
    const { manifest, size: rows } = this.find(name);
    return { state: 'ready', name, rows, manifest };
  }

  storeId(name: string): Promise<string> {
    return new Promise((resolve) => {
      resolve(this.find(name).manifest.storeId);
    });
  }

  async use<T>(name: string, work: (selector: FungiSelector) => Promise<T>): Promise<T> {
    const selector = this.find(name);
    this.inUse++;
    try {
      return await work(selector);
    } finally {
      this.inUse--;
    }
  }

  async build(request: BuildRequest): Promise<{ readonly done: Promise<IndexStatus> }> {
    const { name, examples, ifExists } = request;
    if (this.indexes.has(name) && ifExists === 'refuse') {
      throw new FungiError('INDEX_EXISTS', `index "${name}" exists`);
    }
    distinct(examples); // what is refused is refused before anything begins
    this.builds.push(request);
    this.others.set(name, { state: 'building', name, progress: undefined });
    const built = async (): Promise<IndexStatus> => {
      await this.put(name, examples);
      return this.status(name);
    };
    const done = this.outcome?.(request) ?? Promise.resolve().then(built);
    return Promise.resolve({ done });
  }

  async remove(name: string): Promise<void> {
    this.find(name);
    this.indexes.delete(name);
    return Promise.resolve();
  }

  embedder(encoder: string): Promise<Embedder> {
    const modality = this.encoderModalities[encoder];
    if (modality === undefined) return Promise.reject(new FungiError('MODEL_NOT_FOUND', `no ${encoder}`));
    const featurizer = new LetterCounts(modality);
    return Promise.resolve({
      ...{ name: encoder, modality, dims: DIMS },
      close: () => Promise.resolve(),
      embed: async (items) => {
        const { vectors, truncated } = await featurizer.featurize(items, { stage: 'items' });
        return { vectors: items.map((_, i) => vectors.slice(i * DIMS, (i + 1) * DIMS)), truncated };
      },
    });
  }

  readiness(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private find(name: string): FungiSelector {
    const index = this.indexes.get(name);
    if (index === undefined) throw new FungiError('INDEX_NOT_FOUND', `no index "${name}"`);
    return index.selector;
  }
}

const digests = { modelSha256: 'a'.repeat(64), preprocessorSha256: 'b'.repeat(64) };
