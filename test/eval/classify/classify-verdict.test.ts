/** What the closing sentence says of figures made up for it. */
import { describe, expect, it } from 'vitest';
import { classifyVerdict } from '../../../src/eval/classify/classify-verdict.js';
import type { SetSummary } from '../../../src/eval/classify/report.js';

const set = (
  features: string,
  accuracy: number,
  gain?: readonly [difference: number, adjusted: number],
  shots: number | null = null,
): SetSummary => ({
  ...{ features, shots, seeds: 1, accuracy, low: 0, high: 1, lowestSeed: accuracy, highestSeed: accuracy },
  ...{ macroF1: accuracy, dims: 4, measures: {} },
  ...(gain && {
    gain: { difference: gain[0], low: gain[0] - 0.02, high: gain[0] + 0.03, p: gain[1], adjusted: gain[1] },
  }),
});

describe('the closing sentence', () => {
  it('names the set that is ahead, by how much, and that it is significant', () => {
    expect(classifyVerdict([set('embedding', 0.7), set('kl', 0.75, [0.05, 0.0004])], 500)).toEqual([
      'On these 500 test rows kl is ahead of embedding by 5.0 points of accuracy, which is significant at 5 % (95 % interval +3.0 to +8.0, p < 0.001).',
    ]);
  });

  it('calls undecided what is not significant', () => {
    expect(classifyVerdict([set('embedding', 0.7), set('kl', 0.71, [0.01, 0.61]), set('simclr', 0.6, [-0.1, 0.01])], 48)).toEqual([
      'Undecided: on these 48 test rows kl is ahead of embedding by 1.0 points of accuracy, which is not significant at 5 % (95 % interval -1.0 to +4.0, p = 0.610 after correction for 2 comparisons); significantly behind embedding: simclr.',
    ]); // prettier-ignore
    expect(classifyVerdict([set('embedding', 0.7), set('kl', 0.7, [0, 1])], 1)).toEqual([
      'Undecided: on this 1 test row kl is right as often as embedding, 70.0 % of the time.',
    ]);
  });

  it('turns the interval with the words where the first is ahead', () => {
    expect(classifyVerdict([set('embedding', 0.7), set('kl', 0.6, [-0.1, 0.01]), set('simclr', 0.5, [-0.2, 0.001])], 100)).toEqual([
      'On these 100 test rows embedding is ahead of kl, the best of the others, by 10.0 points of accuracy, which is significant at 5 % (95 % interval +7.0 to +12.0, p = 0.010 after correction for 2 comparisons); significantly behind embedding: simclr.',
    ]); // prettier-ignore
  });

  it('does not hide a significant gain behind a larger one that is not', () => {
    const [sentence] = classifyVerdict([set('embedding', 0.7), set('kl', 0.76, [0.06, 0.07]), set('simclr', 0.75, [0.05, 0.02])], 100); // prettier-ignore
    expect(sentence).toMatch(/^On these 100 test rows simclr is ahead of embedding by 5\.0 points .* which is significant at 5 % .*; kl is at 76\.0 %, which is not significantly more than embedding\.$/); // prettier-ignore
  });

  it('speaks of each kind of pool, and of one set alone', () => {
    expect(classifyVerdict([set('kl', 0.5, undefined, 1), set('kl', 0.7)], 10)).toEqual([
      'With 1 shot: Only kl was measured: on these 10 test rows it is right 50.0 % of the time.',
      'With all training rows: Only kl was measured: on these 10 test rows it is right 70.0 % of the time.',
    ]);
  });
});
