/** Fits the reduction of an index to its staged features, and says which of their blocks it reads. */
import { AutoFitter, chosenRows, type AutoChoice } from '../auto/auto-fitter.js';
import type { Example } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { Block, FeatureLayout } from '../features/layout.js';
import { reducerFitter } from '../reduce/fitter.js';
import type { Reducer, ReducerFitter } from '../reduce/reducer.js';
import type { LinalgOptions } from '../runtime/linalg.js';
import type { StagedFeatures } from '../store/staged-features.js';
import { fitterReduction, type AskedReduction } from './reduction.js';

/** Rows read back and reduced at once. */
export const CHUNK = 2048;

export interface FitTask {
  readonly asked: AskedReduction;
  readonly seed: number;
  /** P, at most. */
  readonly dims: number;
  /** Of the staged rows. */
  readonly layout: FeatureLayout;
  readonly examples: readonly Example[];
  /** Of each example a number that its copies share: they are held out together. */
  readonly copies: readonly number[];
  readonly linalg: LinalgOptions;
}

export interface FittedReduction {
  /** Of rows that hold these blocks alone. */
  readonly reducer: Reducer;
  readonly blocks: readonly Block[];
  /** How blocks and reduction were chosen, where they were. */
  readonly choice?: AutoChoice | undefined;
}

/** Staged rows are read in pieces: memory depends on their width and the number of labels alone. */
export async function fitReduction(
  staged: StagedFeatures,
  { asked, seed, dims, layout, examples, copies, linalg }: FitTask,
  onProgress: OnProgress | undefined,
): Promise<FittedReduction> {
  const total = staged.rowsDone;
  const tell = (done: number): void => onProgress?.({ stage: asked.kind, done, total, unit: 'rows' });
  const addAll = async (fitter: ReducerFitter | AutoFitter): Promise<void> => {
    let done = 0;
    for await (const rows of staged.read({ window: CHUNK })) {
      tell(done);
      const end = done + rows.length / staged.width;
      await fitter.add(
        rows,
        examples.slice(done, end).map(({ label }) => label),
        copies.slice(done, end),
      );
      done = end;
    }
  };
  try {
    if (asked.kind === 'auto') {
      const fitter = new AutoFitter(
        { blocks: layout.blocks, dims, seed, budgetMs: 1000 * asked.budgetSeconds },
        linalg,
      );
      await addAll(fitter);
      const { reducer, blocks, choice } = await fitter.fit();
      const names = new Set(blocks.map(({ name }) => name));
      return { reducer, blocks: layout.blocks.filter(({ name }) => names.has(name)), choice };
    }
    const fitter = reducerFitter(fitterReduction(asked, seed), staged.width, linalg);
    await addAll(fitter);
    return { reducer: await fitter.fit(dims), blocks: layout.blocks };
  } finally {
    tell(total); // what is chosen, and the eigenvectors, take their time after the last row
  }
}

/** Vectors of all staged rows in order, a piece at a time. */
export async function* reducedRows(
  staged: StagedFeatures,
  layout: FeatureLayout,
  { reducer, blocks }: FittedReduction,
): AsyncGenerator<Float32Array> {
  for await (const rows of staged.read({ window: CHUNK })) {
    yield await reducer.transform(chosenRows(rows, layout.blocks, blocks));
  }
}
