/** Chooses, on the pool, which features are worth their time and how they are reduced; then fits that to the whole pool. */
import { FungiError } from '../core/errors.js';
import { Blend } from '../reduce/blend.js';
import { SAMPLE_ROWS } from '../reduce/held-out.js';
import { LabelledStatistics, type Sample } from '../reduce/labelled-statistics.js';
import { assertSome, ldaOf } from '../reduce/lda.js';
import { assertDims, pcaOf, type Pca } from '../reduce/pca.js';
import type { Labels } from '../reduce/reducer.js';
import type { ClassSums } from '../reduce/scatter.js';
import { STORED_SHARE } from '../reduce/shares.js';
import { StandIn } from '../reduce/stand-in.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import { choose, expected, outOfFold, type Choice, type Expected } from './choose.js';
import { blocksOf, columnsOf, momentsOf, sampleOf, sumsOf, takeColumns, type FeatureBlock } from './columns.js';
import { Folds, type FoldOptions } from './folds.js';
import { heldOutVotes, type HeldOutVotes } from './held-out-votes.js';
import { scoreSpaces } from './score-spaces.js';

export interface AutoOptions {
  /** Of the rows, "embedding" among them. */
  readonly blocks: readonly FeatureBlock[];
  /** P, at most: the supervised part has half of it at most. */
  readonly dims: number;
  /** Draws what is held out. @default 0 */
  readonly seed?: number;
  /** Milliseconds after which no further set of losses is tried. @default 120000 */
  readonly budgetMs?: number;
}

/** The choice, and what it was made on. */
export interface AutoChoice extends Choice {
  /** Losses that there was time to try. */
  readonly tried: readonly string[];
  /** Sets of losses that there was no time for. */
  readonly skipped: readonly (readonly string[])[];
  readonly expected: Expected;
  /** What neighbours said of the held-out rows. */
  readonly votes: HeldOutVotes;
}

export interface AutoFit {
  /** Of rows that hold the chosen blocks alone. */
  readonly reducer: Blend | StandIn;
  /** Chosen blocks, in the order of the row. */
  readonly blocks: readonly FeatureBlock[];
  /** Undefined where labels tell nothing: then it is a PCA of the embedding. */
  readonly choice?: AutoChoice;
}

const BUDGET_MS = 120_000;

/** Memory depends on F and the number of classes alone. Equal rows in equal order, equal seed, and time enough: equal choice. */
export class AutoFitter {
  private readonly statistics: LabelledStatistics;
  private readonly width: number;

  /** @throws {FungiError} INVALID_ARGUMENT for blocks without an embedding, and for fewer than 2 dimensions */
  constructor(
    private readonly options: AutoOptions,
    private readonly linalg: LinalgOptions = {},
  ) {
    const { blocks, dims, seed = 0 } = options;
    assertDims(dims, 'auto');
    if (dims < 2) {
      throw new FungiError('INVALID_ARGUMENT', 'auto to 1 dimension: the labels take one, and the embedding another', {
        hint: 'Give 2 or more, or reduce by lda or pca.',
      });
    }
    if (!blocks.some(({ name }) => name === 'embedding')) {
      throw new FungiError(
        'INVALID_ARGUMENT',
        'auto: the features have no embedding, which every choice is held against',
      );
    }
    this.width = blocks.reduce((sum, { width }) => sum + width, 0);
    this.statistics = new LabelledStatistics(this.width, { rows: SAMPLE_ROWS, seed }, linalg);
  }

  /**
   * @param rows [n,F] all blocks
   * @param groups of each row a number that its copies share: a copy must not vote for what it is a copy of
   * @throws {FungiError} INVALID_VECTOR naming the row, counted from the first ever added; nothing is added then
   */
  add(rows: Float32Array, labels: Labels, groups?: readonly number[]): Promise<void> {
    return this.statistics.add(rows, labels, groups);
  }

  /** @throws {FungiError} INVALID_ARGUMENT when no row was added */
  async fit(): Promise<AutoFit> {
    const { statistics, linalg } = this;
    const { blocks, dims, seed = 0, budgetMs = BUDGET_MS } = this.options;
    assertSome(statistics, 'auto');
    if (statistics.classes < 2)
      return this.plain(statistics.classes === 0 ? 'no example has a label' : 'all examples have one label');
    const [sums, sample] = [await statistics.classSums(), statistics.sample()];
    const most = dims >> 1;
    const supervised = Math.min(statistics.classes - 1, most);
    const embedded = columnsOf(blocksOf(blocks, []));
    const pca = await this.embeddingPca(dims - supervised);
    const plain = await pca.transform(takeColumns(sample.rows, this.width, embedded));
    const choice = await chosenOn(sums, sample, { blocks, dims: most, seed, plain }, { budgetMs, ...linalg });
    if (choice === undefined) return this.plain('no label has two examples, so that nothing can be tried');
    const own = blocksOf(blocks, choice.losses);
    const columns = columnsOf(own);
    const lda = await ldaOf(
      {
        classes: statistics.classes,
        classSums: () => Promise.resolve(sumsOf(sums, columns)),
        sample: () => sampleOf(sample, this.width, columns),
      },
      { shrinkage: choice.shrinkage, dims: most },
      linalg,
    );
    if (typeof lda === 'string') return this.plain(lda);
    const first = columns.indexOf(blocks.find(({ name }) => name === 'embedding')!.start);
    // Where means of labels depend on one another, the embedding has what the labels leave.
    const unsupervised = lda.dims === supervised ? pca : await this.embeddingPca(dims - lda.dims);
    return { reducer: new Blend(lda, unsupervised, STORED_SHARE, first), blocks: own, choice };
  }

  private async plain(why: string): Promise<AutoFit> {
    const { blocks, dims } = this.options;
    const reducer = new StandIn(await this.embeddingPca(dims), `the plain embedding in place of a choice: ${why}`);
    return { reducer, blocks: blocksOf(blocks, []) };
  }

  private async embeddingPca(dims: number): Promise<Pca> {
    const columns = columnsOf(blocksOf(this.options.blocks, []));
    return pcaOf(momentsOf(await this.statistics.moments(), columns), dims, this.linalg);
  }
}

/** Undefined where nothing can be tried. What is held in memory for the folds goes when it is made. */
async function chosenOn(
  sums: ClassSums,
  sample: Sample,
  options: FoldOptions,
  { budgetMs, ...linalg }: LinalgOptions & { readonly budgetMs: number },
): Promise<AutoChoice | undefined> {
  const folds = await Folds.create(sums, sample, options, linalg);
  if (folds.all.length === 0) return undefined;
  const scores = await scoreSpaces(folds, budgetMs);
  const choices = outOfFold(scores);
  return {
    ...choose(scores),
    tried: folds.losses.filter((name) => scores.spaces.some(({ losses }) => losses.includes(name))),
    skipped: scores.skipped,
    expected: expected(scores, choices),
    votes: await heldOutVotes(folds, choices),
  };
}

/** Rows of all blocks [n,F] without the columns of blocks that were not chosen. */
export function chosenRows(
  rows: Float32Array,
  all: readonly FeatureBlock[],
  chosen: readonly FeatureBlock[],
): Float32Array {
  if (chosen.length === all.length) return rows;
  const width = all.reduce((sum, block) => sum + block.width, 0);
  return takeColumns(rows, width, columnsOf(chosen));
}
