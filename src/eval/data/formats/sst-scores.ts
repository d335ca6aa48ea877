/** How a score in [0, 1] of the Stanford Sentiment Treebank becomes one of the classes. */

export const SST_CLASSES = ['very negative', 'negative', 'neutral', 'positive', 'very positive'] as const;
/** The sixth class of the reference code. */
export const SST_PERFECT = 'score 1.0';

const BORDERS = [0.2, 0.4, 0.6, 0.8] as const;

export type SstBinning = (score: number) => string;

/** The five classes as the treebank's README has them: [0, .2], (.2, .4], (.4, .6], (.6, .8], (.8, 1]. */
export const rightClosed: SstBinning = (score) => SST_CLASSES[BORDERS.filter((border) => score > border).length]!;

/**
 * The reference code's classes: numpy.digitize over 0, .2, …, 1, which closes bins on the left, so that a score of 1.0 is a class of its
 * own (fungi-text/src/datasets/fine_sst.py). Scores are float32 there. No published score lies on a border between bins: only 1.0 differs.
 */
export const leftClosed: SstBinning = (score) => {
  const single = Math.fround(score);
  return single >= 1 ? SST_PERFECT : SST_CLASSES[BORDERS.filter((border) => single >= border).length]!;
};
