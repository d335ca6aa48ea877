/** Middlewares for Express 4 and 5: `fungi-icl/express`. Nothing of it is imported when this runs. */
export { fungiAnswer } from './answer.js';
export type { AnswerMiddlewareOptions, AnswerReply } from './answer.js';
export { fungiFewShot } from './few-shot-body.js';
export type { FewShotBodyOptions } from './few-shot-body.js';
export { fungiSelection } from './selection.js';
export type { SelectionMiddlewareOptions } from './selection.js';
export type { FungiOfRequest, HttpRequest, HttpResponse, Middleware, Next } from './http.js';
export type { FewShotCall, FewShotOptions, FewShotSelector } from '../few-shot-options.js';
export type { FewShotReport } from '../few-shot.js';
export type { Turn } from '../chat-format.js';
