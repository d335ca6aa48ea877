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
    accuracy: { judged: 10, correct: 6, ofAnswered: 6 / 7, ofReplies: 6 / 8, ofAll: { low: 0.6, high: 0.8 } },
  });
});

it('judges only rows whose truth is known', () => {
  const rows = [{ answer: label('a'), truth: 'a' }, { answer: label('b') }, { answer: failed('LLM_FAILED') }];
  expect(tallyAnswers(rows)).toMatchObject({
    total: 3,
    answered: 2,
    failed: 1,
    accuracy: { judged: 1, correct: 1, ofAnswered: 1, ofReplies: 1, ofAll: { low: 1, high: 1 } },
  });
  expect(tallyAnswers([{ answer: label('a') }]).accuracy).toBeUndefined();
});

it('has no fraction of nothing', () => {
  expect(tallyAnswers([]).accuracy).toBeUndefined();
  expect(tallyAnswers([{ answer: failed('LLM_UNREACHABLE'), truth: 'a' }]).accuracy).toEqual({
    judged: 1,
    correct: 0,
    ofAnswered: null,
    ofReplies: null,
    ofAll: { low: 0, high: 1 },
  });
  expect(tallyAnswers([{ answer: invalid, truth: 'a' }]).accuracy).toMatchObject({ ofAnswered: null, ofReplies: 0 });
});
