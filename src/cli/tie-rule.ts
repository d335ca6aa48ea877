/** `--ties`: who wins a tied vote. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import type { TieRule } from '../retrieve/vote.js';

const labelList = z.array(z.string()).min(1);

/** "name", "nearest", or a JSON file with a list of labels, which is read at once: before any data, let alone a model. */
export function tieRule(value: string): TieRule {
  if (value === 'name' || value === 'nearest') return value;
  const refuse = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(`It must be name, nearest, or a JSON file with a list of labels, each once: ${why}.`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(value, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw refuse((cause as Error).message);
  }
  const { data: labels } = labelList.safeParse(json);
  if (labels === undefined) throw refuse('the file holds something else');
  if (new Set(labels).size < labels.length) throw refuse('the file names one twice');
  return labels;
}

/** Of a list that leaves labels out, nobody can tell who wins. @throws {FungiError} INVALID_ARGUMENT */
export function assertAllListed(ties: TieRule, labels: Iterable<string>): void {
  if (typeof ties === 'string') return;
  const missing = [...new Set(labels)].filter((label) => !ties.includes(label));
  if (missing.length === 0) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `--ties: the list of ${ties.length} labels lacks ${missing.length} of the training rows, among them ${JSON.stringify(missing[0])}`,
    { hint: 'Give a list that has every label of the training rows, spelt as there; or --ties name.' },
  );
}

/** The rule in words, after "ties". */
export const tieText = (ties: TieRule): string => (typeof ties === 'string' ? `by ${ties}` : 'by the order of a list');
