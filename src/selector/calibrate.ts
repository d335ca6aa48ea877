/**
 * How often the likeliest label is right: for labelled items that the index does not have; by what its build held out, where it chose for itself; or
 * with every example a query to all others, as in leave-one-out. That is no measure where the space itself was made of the examples' labels: there
 * they all lie among their own.
 */
import { FungiError } from '../core/errors.js';
import type { ExampleInput } from '../core/item.js';
import { Rng } from '../core/rng.js';
import { abstainThreshold, highestShown, type AbstentionThreshold } from '../policies/abstention.js';
import { calibrated, fitCalibration, type Calibration, type CalibrationMethod } from '../policies/calibration.js';
import { parsePolicy, type Policy, type PolicyOptions } from '../policies/options.js';
import { unusualVote, USUAL_VOTERS } from '../policies/usual-vote.js';
import type { Manifest } from '../store/manifest.js';
import { judgedBy, LEAST_VOTES, tooManyUnscored, type Judged } from './confidence.js';
import { areOfBuild } from './contents-digest.js';
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
   * Labelled items that the index does not have, which are taken as queries. Where its reduction was told to learn of labels (`lda`, `blend`) there
   * is no other way. @default what the build held out, where the index chose for itself (`auto`), else its own examples
   */
  readonly examples?: readonly Pick<ExampleInput, 'input' | 'label'>[];
  /** As many of them at most, drawn at random. @default 2000; all that the build held out */
  readonly queries?: number;
  readonly seed?: number;
  /** @default isotonic from 1,000 queries on, else platt */
  readonly method?: CalibrationMethod;
  /** Share of answers that have to be right: a threshold to abstain below is looked for. */
  readonly precision?: number;
}

/** Given examples, the index's own, or those that were held out when it was built. */
export type MeasuredOn = 'examples' | 'index' | 'build';

export interface CalibratedPolicy {
  readonly measuredOn: MeasuredOn;
  /** For `policy.calibration`. */
  readonly calibration: Calibration;
  /** How many were asked. */
  readonly queries: number;
  /** Share of them whose likeliest label was right. */
  readonly accuracy: number;
  /** Of what the build held out, examples that are not among the queries, as no other has their label: the likeliest is wrong for each. */
  readonly unscored: number;
  /** Its `threshold` is for `policy.abstain.below`; undefined where no threshold shows the precision, and where none was asked for. */
  readonly abstention: AbstentionThreshold | undefined;
  /** Where no threshold shows the precision that was asked for: the most that one shows, in thousandths. */
  readonly shownAtMost: number | undefined;
}

/** Queries whose candidates are in memory together. */
const TOGETHER = 64;

/** Queries that are asked, at most, where nobody says how many. */
const QUERIES = 2000;

/**
 * @throws {FungiError} INVALID_ARGUMENT for an option that is none, fewer than two examples, where `examples` are needed, and for a policy by which
 *   others vote than those that the build counted, rows that are not those of the build, or labels that too few examples have for it to tell; what
 *   encoding throws
 */
export async function calibrate(
  rows: LoadedRows,
  index: OpenedIndex,
  spaces: Spaces,
  options: CalibrateOptions,
): Promise<CalibratedPolicy> {
  const { k = 20, examples, queries, method, precision } = options;
  const policy = parsePolicy(options.policy ?? {}, k);
  if (queries !== undefined && (!Number.isSafeInteger(queries) || queries < 1)) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: queries is ${queries}, it must be a whole number from 1`);
  }
  if (rows.size < 2) {
    throw new FungiError('INVALID_ARGUMENT', `calibrate: the index has ${rows.size} examples, two are needed`, {
      hint: 'Add examples: each is asked about by the others.',
    });
  }
  if (examples?.length === 0) throw new FungiError('INVALID_ARGUMENT', 'calibrate: examples is empty');
  const { kind } = index.manifest.reducer;
  const measuredOn = examples === undefined ? (kind === 'lda' || kind === 'blend' ? 'build' : 'index') : 'examples';
  const rng = Rng.stream(options.seed ?? 0, 'calibration');
  const judge = { build: heldOutAtBuild, index: judgedByOwn, examples: judgedByGiven }[measuredOn];
  const { scores, hits } = await judge({ rows, index, spaces, policy, k, rng, queries, examples: examples ?? [] });
  const calibration = fitCalibration(scores, hits, method);
  const confidences = scores.map((score) => calibrated(calibration, score));
  const abstention = precision === undefined ? undefined : abstainThreshold(confidences, hits, { precision });
  return {
    ...{ measuredOn, calibration },
    queries: scores.length,
    accuracy: hits.filter(Boolean).length / hits.length,
    unscored: measuredOn === 'build' ? (index.manifest.auto?.confidence?.unscored ?? 0) : 0,
    abstention,
    shownAtMost: precision === undefined || abstention !== undefined ? undefined : highestShown(confidences, hits),
  };
}

interface Task {
  readonly rows: LoadedRows;
  readonly index: OpenedIndex;
  readonly spaces: Spaces;
  readonly policy: Policy;
  readonly k: number;
  readonly rng: Rng;
  readonly queries: number | undefined;
  readonly examples: NonNullable<CalibrateOptions['examples']>;
}

/**
 * @throws {FungiError} INVALID_ARGUMENT where the index has no votes of held-out rows, where these do not stand for its rows, and where by this
 *   policy others would have voted
 */
function heldOutAtBuild({ rows, index, policy, k, rng, queries = Infinity }: Task): Judged {
  const { manifest, votes } = index;
  if (votes === undefined) {
    const why = `index "${manifest.name}": its reduction learned of its examples' labels, so that they cannot tell how well it does on others`;
    const way = 'Give labelled examples that it does not have: --data FILE, or calibrate({ examples }).';
    if (manifest.auto === undefined) {
      throw new FungiError('INVALID_ARGUMENT', why, {
        hint: `${way} An index by --reducer auto brings held-out examples of its build, one by pca needs none.`,
      });
    }
    if (manifest.rows < LEAST_VOTES) {
      throw new FungiError(
        'INVALID_ARGUMENT',
        `${why}; its build had ${manifest.rows}, and keeps votes on held-out ones from ${LEAST_VOTES} on`,
        { hint: `${way} Or add examples, and build it again: fungi indexes refit.` },
      );
    }
    throw new FungiError('INVALID_ARGUMENT', `${why}, and its build kept no votes on held-out ones`, {
      hint: `${way} Builds of this version keep them, where ${LEAST_VOTES} examples or more can be held out: fungi indexes refit builds it again.`,
    });
  }
  const unusual = unusualVote(policy, k);
  if (unusual !== undefined) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `calibrate: by ${unusual} other examples vote than the nearest ${USUAL_VOTERS}, by which the build of index "${manifest.name}" measured`,
      {
        hint: 'Leave it out (k up to 20), or give labelled examples that the index does not have: --data FILE, or calibrate({ examples }).',
      },
    );
  }
  assertTellsOfAll(rows, manifest);
  const { scores, hits } = judgedBy(votes);
  if (queries >= scores.length) return { scores, hits };
  const drawn = rng.sample(scores.length, queries);
  return { scores: drawn.map((row) => scores[row]!), hits: drawn.map((row) => hits[row]!) };
}

/** @throws {FungiError} INVALID_ARGUMENT where other examples vote now than at the build, and where many labels have one example */
function assertTellsOfAll(rows: LoadedRows, { name, examples, auto }: Manifest): void {
  const { confidence } = auto ?? {};
  if (confidence !== undefined && tooManyUnscored(confidence)) {
    const { rows: scored, unscored } = confidence;
    const held = scored + unscored;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `calibrate: of ${held} examples that the build of index "${name}" held out, ${unscored} have a label that no other example has: the likeliest label is wrong for such, and the others would say too much of it`,
      {
        hint: 'Give labelled examples that it does not have: --data FILE, or calibrate({ examples }). Or add examples of these labels, and build it again: fungi indexes refit.',
      },
    );
  }
  if (areOfBuild(rows.all(), { examples })) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `calibrate: the examples of index "${name}" are no longer those of its build, so that what that held out does not tell of their votes`,
    {
      hint: 'Build it again of those that it has: fungi indexes refit. Or give labelled examples that it does not have: --data FILE, or calibrate({ examples }).',
    },
  );
}

const judgedByOwn = (task: Task): Promise<Judged> => asked(task, task.rows.sample(task.queries ?? QUERIES, task.rng));

const judgedByGiven = async (task: Task): Promise<Judged> =>
  asked(task, await heldOut(task.examples, task.queries ?? QUERIES, task.rng, task.index));

interface Entry {
  readonly example: Pick<ExampleInput, 'input' | 'label'>;
  /** In stored form [P]. */
  readonly vector: Float32Array;
}

async function asked(
  { rows, index: { manifest, featurizer }, spaces: { selection, vote }, policy: given, k }: Task,
  entries: readonly Entry[],
): Promise<Judged> {
  const where = { metric: manifest.metric, modality: featurizer.modality, space: vote?.space ?? selection };
  const exclude = { query: true, ids: given.exclude?.ids ?? [] };
  const policy = posteriorOnly({ ...given, calibration: undefined, exclude }, k, false);
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
  return { scores, hits };
}

/** So many at random, or all, with their vectors. */
async function heldOut(
  examples: NonNullable<CalibrateOptions['examples']>,
  count: number,
  rng: Rng,
  { featurizer, onProgress }: OpenedIndex,
): Promise<Entry[]> {
  const drawn =
    count >= examples.length ? examples : rng.sample(examples.length, count).map((number) => examples[number]!);
  const inputs = drawn.map(({ input }) => input);
  assertItems(inputs);
  const { vectors } = await featurizer.featurize(inputs, { stage: 'queries', onProgress });
  const { dims } = featurizer;
  return drawn.map((example, i) => ({ example, vector: vectors.subarray(i * dims, (i + 1) * dims) }));
}
