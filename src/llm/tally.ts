/** Counts over a batch of answers, with what the model said wrong, what is no label of the list and what never came kept apart. */
import type { ErrorCode, FungiError } from '../core/errors.js';
import type { ParsedLabel } from './label.js';

/** What became of one query. */
export type Answer =
  | ParsedLabel
  | { readonly kind: 'failed'; readonly error: FungiError }
  /** The likeliest label is not likely enough to be given. */
  | { readonly kind: 'abstained'; readonly likeliest: string; readonly confidence: number };

export interface JudgedAnswer {
  readonly answer: Answer;
  /** The right label, when it is known. */
  readonly truth?: string | undefined;
}

export interface AnswerTally {
  readonly total: number;
  /** Replies in the list of labels. */
  readonly answered: number;
  /** Replies outside it, or cut off. */
  readonly invalid: number;
  /** No reply; by error code in `failures`. */
  readonly failed: number;
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Not given; absent where there are none. */
  readonly abstained?: number;
  /** Over the queries whose truth is known; undefined when there are none. */
  readonly accuracy: AnswerAccuracy | undefined;
}

/** Fractions of 1; NaN never: a fraction of nothing is null. */
export interface AnswerAccuracy {
  readonly judged: number;
  readonly correct: number;
  /** Share of the queries that did not fail which got a label of the list. */
  readonly coverage: number | null;
  /** Of these the share that is right. */
  readonly selectiveAccuracy: number | null;
  /** Of all that did not fail the share that is right: a reply outside the list or cut off is wrong, and so is an abstention. The product of the two above. */
  readonly overall: number | null;
  /** Of all queries. A failure is neither right nor wrong, so it is an interval: every failure wrong, every failure right. */
  readonly ofAll: { readonly low: number; readonly high: number };
}

export function tallyAnswers(rows: readonly JudgedAnswer[]): AnswerTally {
  const failures: Partial<Record<ErrorCode, number>> = {};
  for (const { answer } of rows) {
    if (answer.kind === 'failed') failures[answer.error.code] = (failures[answer.error.code] ?? 0) + 1;
  }
  const abstained = count(rows, 'abstained');
  return {
    total: rows.length,
    answered: count(rows, 'label'),
    invalid: count(rows, 'invalid'),
    failed: count(rows, 'failed'),
    failures,
    ...(abstained > 0 && { abstained }),
    accuracy: accuracyOf(rows.filter(({ truth }) => truth !== undefined)),
  };
}

function accuracyOf(judged: readonly JudgedAnswer[]): AnswerAccuracy | undefined {
  if (judged.length === 0) return undefined;
  const correct = judged.filter(({ answer, truth }) => answer.kind === 'label' && answer.label === truth).length;
  const answered = count(judged, 'label');
  const failed = count(judged, 'failed');
  return {
    judged: judged.length,
    correct,
    coverage: fraction(answered, judged.length - failed),
    selectiveAccuracy: fraction(correct, answered),
    overall: fraction(correct, judged.length - failed),
    ofAll: { low: correct / judged.length, high: (correct + failed) / judged.length },
  };
}

const count = (rows: readonly JudgedAnswer[], kind: Answer['kind']): number =>
  rows.filter(({ answer }) => answer.kind === kind).length;

const fraction = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
