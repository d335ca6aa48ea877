/**
 * The paper's Table 5 (kNN on five text sets, full and few-shot) beside our figures, as Markdown on stdout.
 *
 *     npx tsx bench/table-5.ts DATA_FOLDER OUT_FOLDER [encoder] [full|few]
 *
 * DATA_FOLDER holds trec6, banking77, sst5, ag_news and tweeteval_emoji, each with train.jsonl, test.jsonl and labels.json (a list in the
 * order of the data set's numbers). Every run is one call of `fungi eval knn`, whose JSON goes to OUT_FOLDER; runs that are there are not
 * made again, and features are kept in the cache, so that the same command goes on after an end. On two cores all of it takes hours; with
 * `full` or `few` at the end only those runs are made, and the other columns show what is in OUT_FOLDER.
 *
 * Runs are in mode `reference`: what the released code computes is not what equation 5 says (it divides only the positive pairs by the
 * temperature), and the published figures are the code's (docs/results.md).
 *
 * Two sets are larger than two cores take, and SimCLR costs a dozen times the rest: `--limit-…` draws parts of them with seed 0, sizes
 * below. A few-shot pool is the first rows of each class of the whole training file, and a tied vote goes to the lowest number: what the
 * published figures agree with (docs/results.md). So seeds change heads, views and negatives there, and no rows. SimCLR is judged on
 * fewer test rows there, with the paper's dense projection and negatives out of the whole training file: with 25 rows to draw from it is
 * another loss, and what a projection leaves of distances decides many votes (docs/results.md).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';

interface Limits {
  readonly train?: number;
  readonly test?: number | undefined;
}

interface DataSet {
  readonly title: string;
  readonly folder: string;
  /** Of the few-shot pool. */
  readonly shots: number;
  /** Test rows of the few-shot pool; with SimCLR, which encodes each in twelve views more. */
  readonly few: { readonly test?: number; readonly viewTest: number };
  /** Rows where a text is encoded once: embedding and KL. */
  readonly limits: Limits;
  /** Rows where it is encoded in twelve views more: SimCLR. */
  readonly viewLimits: Limits;
  /** Whether the paper's source of the data numbers labels by name, and not in the order of labels.json. */
  readonly byName?: true;
}

const SETS: readonly DataSet[] = [
  { title: 'TREC', folder: 'trec6', shots: 5, few: { viewTest: 500 }, limits: {}, viewLimits: {} },
  {
    title: 'Banking-77',
    folder: 'banking77',
    shots: 5,
    few: { viewTest: 500 },
    limits: {},
    viewLimits: {},
    byName: true,
  },
  { title: 'SST-5', folder: 'sst5', shots: 5, few: { viewTest: 500 }, limits: {}, viewLimits: {} },
  {
    title: 'AG News',
    folder: 'ag_news',
    shots: 10,
    few: { test: 1000, viewTest: 250 },
    limits: { test: 3000 },
    viewLimits: { train: 2000, test: 1000 },
  },
  {
    title: 'TweetEval',
    folder: 'tweeteval_emoji',
    shots: 5,
    few: { test: 5000, viewTest: 500 },
    limits: { train: 10_000, test: 5000 },
    viewLimits: { train: 5000, test: 1000 },
  },
];

/** Full, few-shot (paper Table 5), in the order of {@link SETS}. */
const PAPER: Readonly<Record<string, Readonly<Record<string, readonly (readonly [number, number])[]>>>> = {
  'bert-base': {
    embedding: [[83.6, 20.0], [55.4, 14.5], [40.0, 20.4], [88.8, 45.8], [23.8, 13.6]], // prettier-ignore
    kl: [[85.6, 27.6], [67.1, 22.2], [40.7, 23.2], [91.0, 61.4], [24.4, 13.8]], // prettier-ignore
    'kl+simclr': [[86.8, 23.0], [67.9, 23.8], [41.8, 18.4], [89.6, 61.9], [24.8, 14.5]], // prettier-ignore
  },
  't5-small': {
    embedding: [[88.6, 25.6], [29.7, 5.2], [30.0, 25.9], [71.8, 37.4], [23.4, 8.4]], // prettier-ignore
    kl: [[88.6, 23.6], [33.3, 5.6], [32.7, 24.1], [74.3, 40.6], [24.2, 9.5]], // prettier-ignore
    'kl+simclr': [[88.4, 23.6], [29.1, 6.1], [32.0, 24.2], [74.8, 41.0], [24.4, 9.9]], // prettier-ignore
  },
};

interface Summary {
  readonly features: string;
  readonly shots: number | null;
  readonly seeds: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly gain?: { readonly difference: number; readonly low: number; readonly high: number };
}

interface Measured {
  readonly summary: readonly Summary[];
  readonly results: readonly { readonly shots: number | null; readonly pool: number; readonly n: number }[];
}

/** What fungi ends with when an encoder is nowhere, or its source cannot be reached. */
const MODEL_MISSING = [4, 6];

type Columns = 'full' | 'few';

const [data, out, encoder = 'bert-base', only] = process.argv.slice(2);
if (data === undefined || out === undefined || !['full', 'few', undefined].includes(only)) {
  throw new Error('usage: table-5.ts DATA_FOLDER OUT_FOLDER [encoder] [full|few]');
}
mkdirSync(out, { recursive: true });
const paper = PAPER[encoder.includes('t5') ? 't5-small' : 'bert-base']!;

/** Why there is no figure. */
type Missing = 'no weights at hand' | 'not run';

/** One run of `fungi eval knn`. */
function measure(
  columns: Columns,
  name: string,
  { folder }: DataSet,
  { train, test }: Limits,
  options: readonly string[],
): Measured | Missing {
  // A run with another encoder or other rows is another file.
  const digest = createHash('sha256')
    .update(JSON.stringify([encoder, train, test, options.map((option) => option.replace(data!, ''))]))
    .digest('hex')
    .slice(0, 8);
  const file = join(out!, `${basename(encoder)}-${name}-${folder}-${digest}.json`);
  if (!existsSync(file)) {
    if (only !== undefined && columns !== only) return 'not run';
    console.error(file);
    const limits = [
      ...(train === undefined ? [] : ['--limit-train', String(train)]),
      ...(test === undefined ? [] : ['--limit-test', String(test)]),
    ];
    const [trainFile, testFile] = ['train', 'test'].map((part) => join(data!, folder, `${part}.jsonl`));
    const { status } = spawnSync(
      process.execPath,
      [
        ...['--import', 'tsx', 'src/cli/main.ts', 'eval', 'knn', '--encoder', encoder, '--mode', 'reference'],
        ...['--train', trainFile!, '--test', testFile!, '--json', file],
        ...limits,
        ...options,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (status !== null && MODEL_MISSING.includes(status)) return 'no weights at hand';
    if (status !== 0) throw new Error(`${file}: fungi ended with ${status}`);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Measured;
}

/** "84.2 (79.5 to 86.9)", seeds and rows. */
function cell(measured: Measured | Missing, features: string, shots: number | null): string[] {
  if (typeof measured === 'string') return [measured, '', ''];
  const found = measured.summary.find((each) => each.features === features && each.shots === shots)!;
  const { pool, n } = measured.results.find((each) => each.shots === shots)!;
  const percent = (fraction: number): string => (100 * fraction).toFixed(1);
  const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
  const { accuracy, low, high, gain, seeds } = found;
  return [
    `${percent(accuracy)} (${percent(low)} to ${percent(high)})`,
    gain === undefined ? '' : `${signed(gain.difference)} (${signed(gain.low)} to ${signed(gain.high)})`,
    `${pool}/${n}, ${seeds}`,
  ];
}

const titles = ['data', 'features', 'paper, full', 'ours, full', 'gain', 'rows, seeds', 'paper, few', 'ours, few', 'gain', 'rows, seeds']; // prettier-ignore
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
console.log(line(titles));
console.log(line(titles.map(() => '---')));
const SEEDS = ['--seeds', '3'];
for (const [i, set] of SETS.entries()) {
  const { shots, limits, viewLimits, title, folder, byName, few } = set;
  const all = 'embedding,kl,kl+simclr';
  const once = measure('full', 'A', set, limits, ['--features', 'embedding,kl', ...SEEDS]);
  const views = measure('full', 'B', set, viewLimits, ['--features', all]);
  // The first rows of the whole file: only those are encoded, so that its size costs nothing.
  const first = ['--shots', String(shots), '--sampling', 'first', ...(byName ? [] : ['--ties', join(data, folder, 'labels.json')])]; // prettier-ignore
  const fewOnce = measure('few', 'C', set, { test: few.test }, ['--features', 'embedding,kl', ...first, ...SEEDS]);
  const paperLike = ['--unlabelled', '--projection', 'dense'];
  const fewViews = measure('few', 'D', set, { test: few.viewTest }, [
    '--features',
    all,
    ...first,
    ...paperLike,
    ...SEEDS,
  ]);
  for (const features of ['embedding', 'kl', 'kl+simclr']) {
    const [full, low] = features === 'kl+simclr' ? [views, fewViews] : [once, fewOnce];
    const [paperFull, paperFew] = paper[features]![i]!;
    console.log(
      line([
        title,
        features,
        ...[paperFull.toFixed(1), ...cell(full, features, null)],
        ...[paperFew.toFixed(1), ...cell(low, features, shots)],
      ]),
    );
  }
}
