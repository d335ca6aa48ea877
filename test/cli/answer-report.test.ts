/** What `answer --data` says of accuracy where some texts got no label. */
import { expect, it } from 'vitest';
import type { Answered } from '../../src/cli/answer-batch.js';
import { manyAnswers } from '../../src/cli/answer-report.js';
import type { Answer } from '../../src/llm/tally.js';

const answered = (answer: Answer): Answered => ({
  ...{ query: { input: 'a cat', label: 'cat' }, answer, vote: 'cat', found: 5, truncated: false },
});
const cat: Answer = { kind: 'label', label: 'cat' };
const dog: Answer = { kind: 'label', label: 'dog' };
const unsure: Answer = { kind: 'abstained', likeliest: 'cat', confidence: 0.4 };

it('tells coverage, selective accuracy, and accuracy over all', () => {
  const { summary, json } = manyAnswers('pets', [cat, cat, cat, dog, unsure].map(answered), undefined, false);
  expect(summary).toMatch(/^coverage +80\.0 %: the texts that got a label$/m);
  expect(summary).toMatch(/^selective accuracy +75\.0 %: of these$/m);
  expect(summary).toMatch(/^accuracy +60\.0 %: a text that got none is wrong$/m);
  expect(json).toMatchObject({
    abstained: 1,
    accuracy: { judged: 5, correct: 3, coverage: 0.8, selectiveAccuracy: 0.75, overall: 0.6 },
  });
});

it('tells one accuracy where all texts got a label', () => {
  const { summary } = manyAnswers('pets', [cat, dog].map(answered), undefined, false);
  expect(summary).toMatch(/^accuracy +50\.0 %$/m);
  expect(summary).not.toContain('coverage');
});
