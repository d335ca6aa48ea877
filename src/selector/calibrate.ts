/** How often the likeliest label is right: every example is a query to all others, as in leave-one-out. */
import { FungiError } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { abstainThreshold, type AbstentionThreshold } from '../policies/abstention.js';
import { calibrated, fitCalibration, type Calibration, type CalibrationMethod } from '../policies/calibration.js';
import { parsePolicy, type PolicyOptions } from '../policies/options.js';
import type { LoadedRows } from './loaded-rows.js';
import { posteriorOnly } from './policy-use.js';
import { searchByPolicy, type PolicySearch } from './policy-search.js';

export interface CalibrateOptions {
  /** What decides which examples vote. Examples with the query's own text never do. */
  readonly policy?: PolicyOptions;
  /** @default 20 */
  readonly k?: number;
  /** Examples that are taken as queries, drawn at random. @default 2000 */
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
  /** Examples that were taken as queries. */
  readonly queries: number;
  /** Share of them whose likeliest label was right. */
  readonly accuracy: number;
  /** Its `threshold` is for `policy.abstain.below`; undefined where no threshold shows the precision, and where none was asked for. */
  readonly abstention: AbstentionThreshold | undefined;
}

/** Queries whose candidates are in memory together. */
const TOGETHER = 64;

/**
 * @param where that in which neighbours vote
 * @throws {FungiError} INVALID_ARGUMENT for an option that is none, and fewer than two examples
 */
export async function calibrate(
  rows: LoadedRows,
  where: Pick<PolicySearch, 'metric' | 'modality' | 'space'>,
  { policy: options = {}, k = 20, queries = 2000, seed = 0, method, precision }: CalibrateOptions,
): Promise<CalibratedPolicy> {
  const given = parsePolicy(options, k);
  if (!Number.isSafeInteger(queries) || queries < 1) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: queries is ${queries}, it must be a whole number from 1`);
  }
  if (rows.size < 2) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: the index has ${rows.size} examples, two are needed`, {
      hint: 'Add examples: each is asked about by the others.',
    });
  }
  const exclude = { query: true, ids: given.exclude?.ids ?? [] };
  const policy = posteriorOnly({ ...given, calibration: undefined, exclude }, k, false);
  const entries = rows.sample(queries, Rng.stream(seed, 'calibration'));
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
