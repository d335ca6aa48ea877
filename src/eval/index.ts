/**
 * fungi-icl/eval: measuring features and selectors on data of your own. What the commands of `fungi eval` are made of, and nothing else.
 */
export { loadEngine } from '../selector/load-engine.js';
export type { LoadedEngine } from '../selector/load-engine.js';

export { countData } from './data/data-counts.js';
export type { DataCounts } from './data/data-counts.js';
export { findDuplicates, findLabelConflicts, findOverlap } from '../core/duplicates.js';
export { sampleShots } from './data/few-shot.js';
export type { ShotSampling } from './data/few-shot.js';
export type { LabelledItem } from './data/labelled.js';
export { drawPools } from './data/pools.js';
export type { Pool } from './data/pools.js';
export { readExamples } from './data/read-examples.js';
export type { ExampleFile, ReadExamplesOptions } from './data/read-examples.js';
export { stratifiedSplit } from './data/stratified-split.js';

export type { FeatureCacheOptions } from './features/feature-cache.js';
export type { FeatureMatrix, LabelledFeatures } from './features/labelled-features.js';
export { FeatureRows } from './features/feature-rows.js';
export type { FeatureRowsOptions, SetRows } from './features/feature-rows.js';
export { parseFeatureSet } from './features/feature-sets.js';
export type { FeatureSet } from './features/feature-sets.js';
export { reduceRows } from './features/nearest.js';
export type { Reduced, ReduceOptions } from './features/nearest.js';
export type { Reduction } from '../reduce/fitter.js';
export type { RowSource } from './features/row-source.js';
export { measureThroughput } from './features/throughput.js';

export { classifyAll } from './classify/classify.js';
export type { Classified, ClassifiedRun, Classifier, ClassifierTask, ClassifyOptions } from './classify/classify.js';
export { clusterClassifier } from './classify/cluster.js';
export { knnClassifier } from './classify/knn.js';
export type { KnnOptions } from './classify/knn.js';
export type { KnnReducer } from './classify/knn-reducers.js';
export { linearClassifier } from './classify/linear.js';
export { runRows, summarise } from './classify/report.js';
export type { RunRow, SetSummary } from './classify/report.js';

export { ckaMatrix, linearCka } from './cka/linear-cka.js';
export { clusterProbe } from './cluster/cluster-probe.js';
export { linearProbe } from './linear/linear-probe.js';
export { retrieveAll, summariseRetrieval } from './retrieval/feature-retrieval.js';
export { labelRetrieval, leaveOneOutRetrieval } from './retrieval/label-retrieval.js';
export { landmarkRetrieval } from './retrieval/landmark-retrieval.js';
export { readLandmarkTruth } from './retrieval/landmark-truth.js';
export { labelMap } from './segment/label-map.js';
export { IouCounter } from './segment/mean-iou.js';
export type { ClassPixels, Iou } from './segment/mean-iou.js';
export { PatchBank } from './segment/patch-bank.js';
export { intervalOf, resampledIou } from './segment/iou-intervals.js';
export type { ResampledIou } from './segment/iou-intervals.js';
export { joined, patchEmbedding } from './segment/patch-features.js';
export type { PatchFeatures } from './segment/patch-features.js';
export { patchLabels } from './segment/patch-labels.js';
export { patchSimclrFeatures } from './segment/patch-simclr-features.js';
export type { PatchSimclrOptions } from './segment/patch-simclr-features.js';
export { PictureTokens } from './segment/picture-tokens.js';
export { assertScenes, listScenes } from './segment/scenes.js';
export type { Scene, SceneClasses } from './segment/scenes.js';
export { summariseSegments } from './segment/segment-report.js';
export type { SegmentSummary } from './segment/segment-report.js';
export { segmentScenes } from './segment/segment-scenes.js';
export type { SegmentOptions, SegmentPlan, SegmentRun } from './segment/segment-scenes.js';

export { bm25Selector, fixedSelector, randomSelector } from './compare/baselines.js';
export { commandSelector } from './compare/command-selector.js';
export { compareSelectors } from './compare/compare.js';
export type { CompareOptions, Comparison, SelectorRun } from './compare/compare.js';
export { compareReport, verdict } from './compare/compare-report.js';
export type { CompareReport, SelectorSummary } from './compare/compare-report.js';
export { curvePoints } from './compare/curve.js';
export type { CurvePoint } from './compare/curve.js';
export type { ExampleSelector, SelectionTask } from './compare/example-selector.js';
export { featureSelectors } from './compare/feature-selectors.js';
export type { FeatureSelectorsOptions } from './compare/feature-selectors.js';

export { askPlan } from './icl/ask.js';
export { iclReport } from './icl/icl-report.js';
export { iclVerdict } from './icl/icl-verdict.js';
export { planPrompts } from './icl/prompt-plan.js';
export { Spending } from './icl/spending.js';

export { reportModel } from './report/model.js';
export type { ReportInput, ReportModel } from './report/model.js';
export { writeReport } from './report/write-report.js';

export { wilson } from '../core/wilson.js';
export { bootstrapMean, pairedBootstrap } from './measures/intervals.js';
export type { Interval } from '../core/wilson.js';
export type { PairedDifference, Scores } from './measures/intervals.js';
export * from './measures/metrics.js';
export { discordantPairs, holm, mcnemar, pairedBootstrapTest } from './measures/significance.js';
