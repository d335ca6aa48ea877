/** Both majors of the AI SDK take what the drop-ins make; the compiler is the judge. */
import { embedMany, wrapLanguageModel } from 'ai';
import { embedMany as embedMany7, wrapLanguageModel as wrapLanguageModel7 } from 'ai-7';
import type { EmbeddingModelV3, LanguageModelV3Middleware } from '@ai-sdk/provider';
import type { EmbeddingModelV3 as EmbeddingModelV3Of4, LanguageModelV4Middleware } from 'ai-sdk-provider-4';
import type { FungiEmbeddingModel, FungiMiddleware } from '../../src/adapters/ai-sdk/index.js';

declare const middleware: FungiMiddleware;
declare const embedding: FungiEmbeddingModel;

export const asOf3: LanguageModelV3Middleware = middleware;
export const asOf4: Omit<LanguageModelV4Middleware, 'specificationVersion'> = middleware;
export const embeddingOf3: EmbeddingModelV3 = embedding;
export const embeddingOf4: EmbeddingModelV3Of4 = embedding;

export const wrapped = (model: Parameters<typeof wrapLanguageModel>[0]['model']): object =>
  wrapLanguageModel({ model, middleware });
export const wrapped7 = (model: Parameters<typeof wrapLanguageModel7>[0]['model']): object =>
  wrapLanguageModel7({ model, middleware });
export const embedded = (): object => embedMany({ model: embedding, values: ['a'] });
export const embedded7 = (): object => embedMany7({ model: embedding, values: ['a'] });
