/** What a server says to a model process, and what that says back. Structured clones: float arrays stay what they are. */
import type { Item, Modality } from '../core/item.js';
import type { Call, Reply } from '../core/processes/calls.js';
import type { SourceOptions } from '../encoders/sources/options.js';
import type { Block } from '../features/layout.js';
import type { BuildOptions, OpenOptions } from '../selector/options.js';

/** Where a process looks for models. */
export type ModelPlaces = Partial<Pick<SourceOptions, 'cacheDir' | 'offline'>>;

/** What computes features: an index of a certain build, or an encoder by itself. */
export type FeatureSource =
  | {
      readonly kind: 'index';
      /** Names the index and its build: two with the same key compute the same. */
      readonly key: string;
      readonly storeId: string;
      readonly options: Pick<OpenOptions, 'name' | 'indexes' | 'provider' | 'threads'> & {
        readonly encoder?: string;
        readonly sources?: ModelPlaces;
      };
    }
  | {
      readonly kind: 'encoder';
      readonly key: string;
      readonly options: Pick<OpenOptions, 'provider' | 'threads'> & {
        readonly encoder: string;
        readonly sources?: ModelPlaces;
      };
    };

/** A source that is open. */
export interface SourceInfo {
  /** The encoder's id. */
  readonly encoder: string;
  readonly modality: Modality;
  /** P, or D of an encoder. */
  readonly dims: number;
  /** Of a feature before reduction; none of an encoder, whose features are not reduced. */
  readonly blocks: readonly Block[];
  /** Longest item, tokens. */
  readonly maxTokens: number;
  /** Views that are encoded of one item. */
  readonly viewsPerItem: number;
}

export type WorkerRequest =
  | { readonly kind: 'open'; readonly source: FeatureSource }
  | {
      readonly kind: 'featurize';
      readonly key: string;
      readonly items: readonly Item[];
      /** Whether what features are made of is wanted in place of them. */
      readonly byBlock: boolean;
    }
  | { readonly kind: 'close'; readonly key: string }
  | { readonly kind: 'build'; readonly options: BuildOptions & { readonly sources?: ModelPlaces } };

export interface FeaturizeResult {
  /** [n,P], by block [n,F+Bk·P] */
  readonly vectors: Float32Array;
  readonly truncated: readonly boolean[];
  /** Milliseconds of computing. */
  readonly inferMs: number;
}

/** What each request is answered with. */
export interface WorkerResults {
  readonly open: SourceInfo;
  readonly featurize: FeaturizeResult;
  readonly close: null;
  /** The build's store id. */
  readonly build: string;
}

export type WorkerCall = Call<WorkerRequest>;
export type WorkerMessage = Reply<WorkerResults[keyof WorkerResults]>;
