import { expect, it } from 'vitest';
import { FungiError, type ErrorCode } from '../../src/core/errors.js';
import { tallyAnswers, type Answer } from '../../src/llm/tally.js';

const label = (name: string): Answer => ({ kind: 'label', label: name });
const invalid: Answer = { kind: 'invalid', reply: 'dunno' };
const failed = (code: ErrorCode): Answer => ({ kind: 'failed', error: new FungiError(code, 'x') });

it('keeps wrong, off-list and failed apart, and never scores a failure as wrong', () => {
  const tally = tallyAnswers([
    ...Array.from({ length: 6 }, () => ({ answer: label('a'), truth: 'a' })),
    { answer: label('b'), truth: 'a' },
    { answer: invalid, truth: 'a' },
    { answer: failed('LLM_RATE_LIMITED'), truth: 'a' },
    { answer: failed('LLM_RATE_LIMITED'), truth: 'a' },
  ]);
  expect(tally).toEqual({
    total: 10,
    answered: 7,
    invalid: 1,
    failed: 2,
    failures: { LLM_RATE_LIMITED: 2 },
    accuracy: {
      ...{ judged: 10, correct: 6, coverage: 7 / 8, selectiveAccuracy: 6 / 7, overall: 6 / 8 },
      ofAll: { low: 0.6, high: 0.8 },
    },
  });
});

it('judges only rows whose truth is known', () => {
  const rows = [{ answer: label('a'), truth: 'a' }, { answer: label('b') }, { answer: failed('LLM_FAILED') }];
  expect(tallyAnswers(rows)).toMatchObject({
    total: 3,
    answered: 2,
    failed: 1,
    accuracy: { judged: 1, correct: 1, coverage: 1, selectiveAccuracy: 1, overall: 1, ofAll: { low: 1, high: 1 } },
  });
  expect(tallyAnswers([{ answer: label('a') }]).accuracy).toBeUndefined();
});

it('has no fraction of nothing', () => {
  expect(tallyAnswers([]).accuracy).toBeUndefined();
  expect(tallyAnswers([{ answer: failed('LLM_UNREACHABLE'), truth: 'a' }]).accuracy).toEqual({
    judged: 1,
    correct: 0,
    coverage: null,
    selectiveAccuracy: null,
    overall: null,
    ofAll: { low: 0, high: 1 },
  });
  expect(tallyAnswers([{ answer: invalid, truth: 'a' }]).accuracy).toMatchObject({
    coverage: 0,
    selectiveAccuracy: null,
    overall: 0,
  });
});

it('counts an abstention as wrong over all, and not at all among the answered', () => {
  const abstained: Answer = { kind: 'abstained', likeliest: 'a', confidence: 0.4 };
  const answers = [label('a'), label('a'), label('b'), abstained, abstained];
  const { abstained: count, accuracy } = tallyAnswers(answers.map((answer) => ({ answer, truth: 'a' })));
  expect(count).toBe(2);
  expect(accuracy).toMatchObject({ correct: 2, coverage: 3 / 5, selectiveAccuracy: 2 / 3, overall: 2 / 5 });
  expect(accuracy?.ofAll).toEqual({ low: 2 / 5, high: 2 / 5 });
});
