/**
 * fungi-icl: picks the in-context examples an LLM classification prompt should carry. The public API, and nothing else.
 */
export { FungiSelector } from './selector/selector.js';
export type {
  AddCounts,
  AnswerOptions,
  MediaOptions,
  PromptOptions,
  PromptRules,
  SelectedExample,
  Selection,
  SelectOptions,
  SelectorAnswer,
  SelectorPrompt,
  Voter,
} from './selector/selector.js';
export type {
  BuildOptions,
  EncoderChoice,
  IndexPlace,
  OpenOptions,
  RefitOptions,
  SelectorRuntime,
} from './selector/options.js';
export type { ComparedGeneration, Generation, Rollback } from './selector/generations.js';
export type { IndexReduction } from './selector/reduction.js';
export { EncoderEmbedder } from './selector/embedder.js';
export type { EmbeddedItems, Embedder } from './selector/embedder.js';
export { FungiError, ERRORS } from './core/errors.js';
export type { ErrorCode, FungiErrorOptions } from './core/errors.js';
export type { Example, ExampleInput, Item, Metadata, MetadataValue, Modality } from './core/item.js';
export type { Logger } from './core/log.js';
export type { OnProgress, Progress } from './core/progress.js';
export type { FeatureOptions, FeatureSpec } from './features/spec.js';
export { PRECISIONS } from './engine/import-options.js';
export type { Precision } from './engine/import-options.js';
export { ENGINES } from './engine/tails.js';
export type { EngineName } from './engine/tails.js';
export type { Encoder, Pooling, Prepared } from './encoders/encoder.js';
export { loadEncoder } from './encoders/load-encoder.js';
export type { LoadEncoderOptions } from './encoders/load-encoder.js';
export { itemOfFile, itemOfPixels, itemOfSamples } from './encoders/media/items.js';
export type { RawPixels } from './encoders/media/items.js';
export { PROVIDERS } from './runtime/providers.js';
export type { Provider } from './runtime/providers.js';
export type { RuntimeOptions } from './runtime/session.js';
export type { Filter } from './store/filter.js';
export type { Manifest } from './store/manifest.js';
export type { UpsertCounts, VerifyReport } from './store/store.js';
export type { Vote } from './retrieve/vote.js';
export type { CalibratedPolicy, CalibrateOptions, MeasuredOn } from './selector/calibrate.js';
export type { HealthOptions, HealthReport } from './health/pool-health.js';
export { abstainThreshold } from './policies/abstention.js';
export type { AbstentionTarget, AbstentionThreshold } from './policies/abstention.js';
export { calibrated, calibrationError, fitCalibration } from './policies/calibration.js';
export type { Calibration, CalibrationMethod } from './policies/calibration.js';
export type { BlockShare, BlockSplit } from './policies/block-split.js';
export type { ExplainedDrop, ExplainedExample, SelectionExplanation } from './policies/explanation.js';
export type { Choice, PolicyOptions } from './policies/options.js';
export { arrange } from './policies/order.js';
export type { ExampleOrder } from './policies/order.js';
export type { LabelProbability, Posterior } from './policies/posterior.js';
export type { Budget, Packing, TokenCounter } from './prompt/budget.js';
export { builtInTemplates, loadTemplate } from './prompt/load.js';
export { PromptTemplate } from './prompt/template.js';
export type { ChatMessage, ContentPart, ImageDetail, MediaPart } from './prompt/message.js';
export type { PromptExample, PromptValues, RenderedPrompt } from './prompt/template.js';
export { BreakerClient } from './llm/breaker.js';
export { CachedClient } from './llm/cache.js';
export { OpenAiClient } from './llm/openai.js';
export type { OpenAiOptions } from './llm/openai.js';
export type { Completion, CompletionRequest, LlmClient } from './llm/client.js';
export { labelOf, parseLabel } from './llm/label.js';
export type { ParsedLabel } from './llm/label.js';
export { readExamples } from './eval/data/read-examples.js';
