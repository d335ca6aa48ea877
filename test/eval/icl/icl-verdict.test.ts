/** The words, from reports made by hand. */
import { describe, expect, it } from 'vitest';
import type { IclReport, IclSummary } from '../../../src/eval/icl/icl-report.js';
import { iclVerdict } from '../../../src/eval/icl/icl-verdict.js';

const USAGE = { replies: 0, promptTokens: 0, completionTokens: 0, estimated: 0, cost: null };
const summaryOf = (selector: string, accuracy: number | null, more: Partial<IclSummary> = {}): IclSummary => ({
  ...{
    selector,
    accuracy,
    low: accuracy,
    high: accuracy,
    macroF1: accuracy,
    meanPerClass: accuracy,
    accuracyUnleaked: accuracy,
  },
  ...{
    ...{ voteAccuracy: 0.5, voteLow: 0.4, voteHigh: 0.6 },
    replies: 200,
    offList: 0,
    offListReplies: [],
    cutOff: 0,
    failed: 0,
    failures: {},
    examples: 20,
    promptTokens: 1,
  },
  ...{ completionTokens: 1, estimated: 0, calls: 200, cached: 0, latencyMs: null, costPerQuery: null },
  ...more,
});
const gain = (difference: number, adjusted: number): Pick<IclSummary, 'gain'> => ({
  gain: { difference, low: difference - 0.01, high: difference + 0.01, p: adjusted, adjusted, queries: 200 },
});
const verdictOf = (summary: readonly IclSummary[], more: Partial<IclReport> = {}): string =>
  iclVerdict(
    {
      ...{ summary, baseline: summary[0]!.selector, seeds: 1, k: 20, queries: 200, unasked: 0, leaked: 0, requests: 0 },
      ...{ majority: { label: 'x', share: 0.3 }, overBm25: null },
      ...{ lost: 0, usage: { run: USAGE, all: USAGE } },
      ...more,
    },
    'gpt',
  );

describe('the verdict', () => {
  it('says which examples make the LLM right more often, and by how much', () => {
    expect(verdictOf([summaryOf('embedding', 0.5), summaryOf('kl', 0.6, gain(0.1, 0.0001))])).toBe(
      'Use kl: on these 200 queries gpt is right 10.0 points more often with its 20 examples than with those of embedding (95 % interval ' +
        '+9.0 to +11.0), which is significant at 5 % (p < 0.001). None of the queries is in the pool.',
    );
  });

  it('finds words for no examples, on either side', () => {
    const [none, kl] = [summaryOf('none', 0.5), summaryOf('kl', 0.6)];
    expect(verdictOf([none, { ...kl, ...gain(0.1, 0.01) }])).toMatch(
      /^Use kl: .* gpt is right 10\.0 points more often with its 20 examples than without examples \(/,
    );
    expect(verdictOf([kl, { ...none, accuracy: 0.7, ...gain(0.1, 0.01) }])).toMatch(
      /^Use none: .* gpt is right 10\.0 points more often without examples than with the 20 examples of kl \(/,
    );
  });

  it('stays with the baseline where nothing is significant', () => {
    expect(verdictOf([summaryOf('embedding', 0.5), summaryOf('kl', 0.51, gain(0.01, 0.4))])).toMatch(
      /^Stay with embedding: on these 200 queries kl is ahead of it by 1\.0 points .*, p = 0\.400\), and no difference from it is significant at 5 %\./,
    );
  });

  it('goes by the queries that both got a reply to, where accuracies are of others too', () => {
    const kl = summaryOf('kl', 0.55, { ...gain(-0.02, 0.3), failed: 40 });
    expect(verdictOf([summaryOf('embedding', 0.5), kl])).toMatch(
      /^Stay with embedding: on these 200 queries no other is right more often, and no difference/,
    );
  });

  it('says what was left out, failed, or was cut off', () => {
    const kl = summaryOf('kl', 0.6, { ...gain(0.1, 0.01), failed: 3, cutOff: 2 });
    expect(verdictOf([summaryOf('embedding', 0.5, { failed: 1 }), kl], { queries: 30, unasked: 1, leaked: 3 })).toMatch(
      / 1 query was left unasked\. Without a reply, and in no figure: embedding 1, kl 3\. Cut off, and counted wrong: kl 2\. 3 of the 30 queries \(10\.0 %\) are also in the pool, but for case and spaces; accuracy without: kl 60\.0 %, embedding 50\.0 %\.$/,
    );
  });

  it('of one selector, or of none that answered, compares nothing', () => {
    expect(verdictOf([summaryOf('kl', 0.75)])).toBe(
      'Only kl was compared: on these 200 queries gpt is right 75.0 % of the time with its 20 examples. None of the queries is in the pool.',
    );
    expect(verdictOf([summaryOf('kl', 0.75), summaryOf('bm25', null, { failed: 200 })])).toMatch(
      /^Only kl was compared: .* Without a reply, and in no figure: bm25 200\./,
    );
    expect(verdictOf([summaryOf('kl', null, { failed: 200 }), summaryOf('bm25', 0.5)])).toBe(
      'No verdict: kl, the baseline, got no reply. Without a reply, and in no figure: kl 200.',
    );
    const nothing = verdictOf([summaryOf('kl', null), summaryOf('bm25', null)], { queries: 0, unasked: 200 });
    expect(nothing).toBe('No verdict: no query was asked of every selector. 200 queries were left unasked.');
  });
});

it('judges nobody by replies that are no labels', () => {
  const offList = { offList: 190, offListReplies: [{ reply: '**Spam**.', count: 120 }] };
  const words = verdictOf([
    summaryOf('embedding', 0.05, offList),
    summaryOf('kl', 0.04, { ...offList, ...gain(-0.01, 0.9) }),
  ]);
  expect(words).toMatch(
    /^No verdict: 95\.0 % of the replies are none of the labels \(the most frequent: "\*\*Spam\*\*\."\)/,
  );
  expect(words).not.toMatch(/Stay|Use/);
  // A fifth that are labels say something.
  const some = { offList: 150 };
  expect(verdictOf([summaryOf('embedding', 0.2, some), summaryOf('kl', 0.2, { ...some, ...gain(0, 1) })])).toMatch(
    /^Stay with/,
  );
});

describe('what a reader of the accuracies overlooks', () => {
  const over = { selector: 'kl', difference: 0.02, low: -0.03, high: 0.07, p: 0.4 };
  const compared = [
    summaryOf('embedding', 0.5),
    summaryOf('kl', 0.6, gain(0.1, 0.01)),
    summaryOf('bm25', 0.58, gain(0.08, 0.02)),
  ];

  it('is told of bm25 as in a comparison by vote', () => {
    expect(verdictOf(compared, { overBm25: over })).toContain(
      'bm25, which needs no encoder, is 2.0 points behind kl (not significant at 5 %, p = 0.400): these queries do not show that the encoder pays.',
    );
    expect(verdictOf(compared, { overBm25: { ...over, p: 0.01 } })).not.toContain('needs no encoder');
  });

  it('is told of one label that most queries have', () => {
    const words = verdictOf(compared, { majority: { label: 'spam', share: 0.65 } });
    expect(words).toContain('65.0 % of the queries have the label "spam"');
    expect(words).toContain('which kl does not beat. Macro-F1');
    expect(words).toContain('60.0 % with kl, 50.0 % with embedding');
    expect(verdictOf([compared[0]!], { majority: { label: 'spam', share: 1 } })).toMatch(
      /^Only embedding .* All queries have the label "spam": these figures cannot tell a selector from always answering it\./,
    );
  });

  it('is no matter where replies are no labels', () => {
    const off = compared.map((each) => ({ ...each, offList: 190 }));
    const words = verdictOf(off, { overBm25: over, majority: { label: 'spam', share: 0.9 } });
    expect(words).not.toMatch(/bm25|have the label/);
  });
});
