/** Drop-ins for the AI SDK (`ai` 6 and 7): `fungi-icl/ai-sdk`. Nothing of it is imported when this runs. */
export { fungiMiddleware } from './middleware.js';
export type { CallParams, FungiMiddleware } from './middleware.js';
export { fungiEmbeddingModel } from './embedding-model.js';
export type { FungiEmbeddingModel } from './embedding-model.js';
export type { Turn } from '../chat-format.js';
export type { FewShotCall, FewShotOptions, FewShotSelector } from '../few-shot-options.js';
export type { FewShotReport } from '../few-shot.js';
