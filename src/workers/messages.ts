/** What a server says to a model process, and what that says back. Structured clones: float arrays stay what they are. */
import { ERRORS, FungiError, type ErrorCode } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import type { Progress } from '../core/progress.js';
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

export interface WorkerCall {
  readonly call: number;
  readonly request: WorkerRequest;
}

export type WorkerMessage =
  | { readonly call: number; readonly result: WorkerResults[keyof WorkerResults] }
  | { readonly call: number; readonly failure: Failure }
  | { readonly call: number; readonly progress: Progress };

/** An error as it passes between processes. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

export function failureOf(error: unknown): Failure {
  if (FungiError.is(error)) {
    const { code, message, hint, details } = error;
    return { code, message, hint, details: cloneable(details) };
  }
  return { code: undefined, message: String(error), hint: undefined, details: {} };
}

/** Details hold plain values; one that does not pass between processes is left out. */
const cloneable = (details: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(details)) as Record<string, unknown>;

/** The error again; one that was none of ours is RUNTIME_FAILED. */
export function errorOf({ code, message, hint, details }: Failure): FungiError {
  const known = code !== undefined && code in ERRORS ? code : 'RUNTIME_FAILED';
  return new FungiError(known, message, { ...(hint !== undefined && { hint }), details });
}
