/** A model process: opens what it is told to, computes features one request at a time, and ends with its parent. */
import '../core/processes/ignore-signals.js';
import type { Item } from '../core/item.js';
import { answerCalls } from '../core/processes/calls.js';
import type { OnProgress } from '../core/progress.js';
import { EncoderEmbedder } from '../selector/embedder.js';
import type { LocalFeaturizer } from '../selector/featurizer.js';
import { openFeaturizer } from '../selector/open-featurizer.js';
import { findIndex } from '../store/index-folder.js';
import { readManifest } from '../store/manifest.js';
import { FungiError } from '../core/errors.js';
import type { FeatureSource, FeaturizeResult, SourceInfo, WorkerRequest, WorkerResults } from './messages.js';

interface OpenSource {
  readonly info: SourceInfo;
  compute(items: readonly Item[], byBlock: boolean): Promise<Pick<FeaturizeResult, 'vectors' | 'truncated'>>;
  close(): Promise<void>;
}

const sources = new Map<string, Promise<OpenSource>>();

async function openIndexSource(source: Extract<FeatureSource, { kind: 'index' }>): Promise<OpenSource> {
  const { name, indexes = '' } = source.options;
  const folder = await findIndex(indexes, name);
  const manifest = await readManifest(folder);
  if (manifest.storeId !== source.storeId) {
    throw new FungiError('INDEX_MISMATCH', `index "${name}" was replaced while it was being opened`, {
      details: { expected: source.storeId, found: manifest.storeId },
    });
  }
  const featurizer: LocalFeaturizer = await openFeaturizer(source.options, { folder, manifest });
  const { modality, dims, blocks, extractor } = featurizer;
  const { id: encoder, maxTokens } = manifest.encoder;
  return {
    info: { encoder, modality, dims, blocks, maxTokens, viewsPerItem: extractor.viewsPerItem },
    compute: (items, byBlock) =>
      byBlock
        ? featurizer.featurizeByBlock(items, { stage: 'items' })
        : featurizer.featurize(items, { stage: 'items' }),
    close: () => featurizer.close(),
  };
}

async function openEncoderSource({ options }: Extract<FeatureSource, { kind: 'encoder' }>): Promise<OpenSource> {
  const embedder = await EncoderEmbedder.load(options);
  const { name: encoder, dims, modality, maxTokens } = embedder;
  return {
    info: { encoder, modality, dims, blocks: [], maxTokens, viewsPerItem: 1 },
    compute: async (items) => {
      const { vectors, truncated } = await embedder.embed(items);
      const rows = new Float32Array(items.length * dims);
      vectors.forEach((vector, i) => {
        rows.set(vector, i * dims);
      });
      return { vectors: rows, truncated };
    },
    close: () => embedder.close(),
  };
}

function open(source: FeatureSource): Promise<OpenSource> {
  let opened = sources.get(source.key);
  if (opened === undefined) {
    opened = source.kind === 'index' ? openIndexSource(source) : openEncoderSource(source);
    sources.set(source.key, opened);
    opened.catch(() => sources.delete(source.key));
  }
  return opened;
}

async function answer(request: WorkerRequest, onProgress: OnProgress): Promise<WorkerResults[keyof WorkerResults]> {
  switch (request.kind) {
    case 'open':
      return (await open(request.source)).info;
    case 'featurize': {
      const source = await sources.get(request.key);
      if (source === undefined) throw new Error(`source "${request.key}" is not open`);
      const start = performance.now();
      const { vectors, truncated } = await source.compute(request.items, request.byBlock);
      return { vectors, truncated, inferMs: performance.now() - start };
    }
    case 'close': {
      const source = await sources.get(request.key)?.catch(() => undefined);
      sources.delete(request.key);
      await source?.close();
      return null;
    }
    case 'build': {
      const { buildIndex } = await import('../selector/build-index.js');
      const { manifest, store, featurizer } = await buildIndex({ ...request.options, onProgress });
      await store.close();
      await featurizer.close();
      return manifest.storeId;
    }
  }
}

answerCalls(answer);
