/**
 * How often the likeliest label is right: for labelled items that the index does not have, or with every example a query to all others, as in
 * leave-one-out. That is no measure where the space itself was made of the examples' labels: there they all lie among their own.
 */
import { FungiError } from '../core/errors.js';
import type { ExampleInput } from '../core/item.js';
import { Rng } from '../core/rng.js';
import { abstainThreshold, type AbstentionThreshold } from '../policies/abstention.js';
import { calibrated, fitCalibration, type Calibration, type CalibrationMethod } from '../policies/calibration.js';
import { parsePolicy, type PolicyOptions } from '../policies/options.js';
import { assertItems } from './embedder.js';
import type { LoadedRows } from './loaded-rows.js';
import type { OpenedIndex } from './opened-index.js';
import { posteriorOnly } from './policy-use.js';
import { searchByPolicy } from './policy-search.js';
import type { Spaces } from './spaces.js';

export interface CalibrateOptions {
  /** What decides which examples vote. Examples with the query's own text never do. */
  readonly policy?: PolicyOptions;
  /** @default 20 */
  readonly k?: number;
  /**
   * Labelled items that the index does not have, which are taken as queries. Where its reduction learned of labels (`auto`, `lda`,
   * `blend`) there is no other way. @default its own examples
   */
  readonly examples?: readonly Pick<ExampleInput, 'input' | 'label'>[];
  /** As many of them at most, drawn at random. @default 2000 */
  readonly queries?: number;
  readonly seed?: number;
  /** @default isotonic from 1,000 queries on, else platt */
  readonly method?: CalibrationMethod;
  /** Share of answers that have to be right: a threshold to abstain below is looked for. */
  readonly precision?: number;
}

export interface CalibratedPolicy {
  /** For `policy.calibration`. */
  readonly calibration: Calibration;
  /** How many were asked. */
  readonly queries: number;
  /** Share of them whose likeliest label was right. */
  readonly accuracy: number;
  /** Its `threshold` is for `policy.abstain.below`; undefined where no threshold shows the precision, and where none was asked for. */
  readonly abstention: AbstentionThreshold | undefined;
}

/** Queries whose candidates are in memory together. */
const TOGETHER = 64;

/** @throws {FungiError} INVALID_ARGUMENT for an option that is none, fewer than two examples, and where `examples` are needed; what encoding throws */
export async function calibrate(
  rows: LoadedRows,
  index: OpenedIndex,
  { selection, vote }: Spaces,
  { policy: options = {}, k = 20, examples, queries = 2000, seed = 0, method, precision }: CalibrateOptions,
): Promise<CalibratedPolicy> {
  const { name, metric, reducer } = index.manifest;
  const knowsLabels = reducer.kind === 'lda' || reducer.kind === 'blend';
  const given = parsePolicy(options, k);
  if (!Number.isSafeInteger(queries) || queries < 1) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: queries is ${queries}, it must be a whole number from 1`);
  }
  if (rows.size < 2) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: the index has ${rows.size} examples, two are needed`, {
      hint: 'Add examples: each is asked about by the others.',
    });
  }
  if (examples?.length === 0) throw new FungiError('INVALID_ARGUMENT', 'calibrate: examples is empty');
  if (examples === undefined && knowsLabels) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `index "${name}": its reduction learned of its examples' labels, so that they cannot tell how well it does on others`,
      {
        hint: 'Give labelled examples that it does not have: --data FILE, or calibrate({ examples }). An index by --reducer pca needs none.',
      },
    );
  }
  const where = { metric, modality: index.featurizer.modality, space: vote?.space ?? selection };
  const exclude = { query: true, ids: given.exclude?.ids ?? [] };
  const policy = posteriorOnly({ ...given, calibration: undefined, exclude }, k, false);
  const rng = Rng.stream(seed, 'calibration');
  const entries = examples === undefined ? rows.sample(queries, rng) : await heldOut(examples, queries, rng, index);
  const scores: number[] = [];
  const hits: boolean[] = [];
  for (let start = 0; start < entries.length; start += TOGETHER) {
    const some = entries.slice(start, start + TOGETHER);
    const vectors = Float32Array.from(some.flatMap(({ vector }) => [...vector]));
    const inputs = some.map(({ example }) => example.input);
    const search = { ...where, policy, k, filter: undefined, explain: false };
    const outcomes = await searchByPolicy(rows, inputs, vectors, search);
    outcomes.forEach((outcome, i) => {
      const [likeliest] = outcome.posterior().labels;
      scores.push(likeliest?.probability ?? 0);
      hits.push(likeliest?.label === some[i]!.example.label);
    });
  }
  const calibration = fitCalibration(scores, hits, method);
  const confidences = scores.map((score) => calibrated(calibration, score));
  return {
    calibration,
    queries: scores.length,
    accuracy: hits.filter(Boolean).length / hits.length,
    abstention: precision === undefined ? undefined : abstainThreshold(confidences, hits, { precision }),
  };
}

/** So many at random, or all, with their vectors. */
async function heldOut(
  examples: NonNullable<CalibrateOptions['examples']>,
  count: number,
  rng: Rng,
  { featurizer, onProgress }: OpenedIndex,
): Promise<{ readonly example: Pick<ExampleInput, 'input' | 'label'>; readonly vector: Float32Array }[]> {
  const drawn =
    count >= examples.length ? examples : rng.sample(examples.length, count).map((number) => examples[number]!);
  const inputs = drawn.map(({ input }) => input);
  assertItems(inputs);
  const { vectors } = await featurizer.featurize(inputs, { stage: 'queries', onProgress });
  const { dims } = featurizer;
  return drawn.map((example, i) => ({ example, vector: vectors.subarray(i * dims, (i + 1) * dims) }));
}
