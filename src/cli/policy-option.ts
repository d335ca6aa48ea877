/** `--policy`, `--explain` and `--explain-blocks`: which of the nearest are chosen, and why. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { FungiError } from '../core/errors.js';
import type { SelectionExplanation } from '../policies/explanation.js';
import { parsePolicy, type PolicyOptions } from '../policies/options.js';
import type { Posterior } from '../policies/posterior.js';
import type { SelectOptions } from '../selector/selection.js';
import type { Manifest } from '../store/manifest.js';
import { blockTable } from './block-text.js';
import { pairs, table, type Column } from './output.js';

export interface PolicyFlags {
  readonly policy?: string;
  readonly explain?: boolean;
  readonly explainBlocks?: boolean;
}

export const addPolicyOptions = (command: Command): Command =>
  command
    .option(
      '--policy <file|json>',
      'which of the nearest are chosen: a YAML or JSON file, or JSON such as {"choice": {"by": "mmr"}, "maxPerLabel": 5} (docs/selection.md)',
    )
    .option('--explain', 'say why each example was chosen, and what was passed over by which rule')
    .option(
      '--explain-blocks',
      'the same, and what embedding and gradients each have to do with it: encodes query and examples again',
    );

/** As the library takes it. */
export const explainOf = ({ explain = false, explainBlocks = false }: PolicyFlags): SelectOptions['explain'] =>
  explainBlocks ? 'blocks' : explain;

/** As the library takes them. Wrong ones are found before a model is loaded. @throws {FungiError} INVALID_ARGUMENT, FILE_NOT_FOUND */
export async function policyOptions(flags: PolicyFlags, k: number): Promise<Pick<SelectOptions, 'policy' | 'explain'>> {
  const { policy: given } = flags;
  const explain = explainOf(flags);
  if (given === undefined) return { ...(explain && { explain }) };
  const policy = read(given.trimStart().startsWith('{') ? given : await textOf(given), given);
  parsePolicy(policy, k);
  return { policy: policy as PolicyOptions, ...(explain && { explain }) };
}

/** `flags` with the number of examples that a policy gives at least: fewer than k are no surprise where k adapts. */
export const asExpected = <F extends { readonly k: number }>(flags: F, policy: PolicyOptions | undefined): F =>
  policy?.adaptive === undefined ? flags : { ...flags, k: policy.adaptive.atLeast ?? 1 };

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FungiError('FILE_NOT_FOUND', `--policy: the file ${path} cannot be read`, {
      hint: 'Give the path of a YAML or JSON file, or JSON that begins with "{".',
      cause,
    });
  }
}

function read(text: string, given: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (cause) {
    throw new FungiError('INVALID_ARGUMENT', `--policy ${given}: neither YAML nor JSON: ${(cause as Error).message}`, {
      hint: 'Example: {"duplicates": true, "maxPerLabel": 5}',
      cause,
    });
  }
}

/** Labels shown of a posterior. */
const LIKELIEST = 5;

/** An explanation of what an index chose, for people. What lies beyond k is counted, and not listed. */
export function explanationText(
  { candidates, chosen, dropped, posterior }: SelectionExplanation,
  index: Manifest,
): string {
  const passedOver = dropped.filter(({ rule }) => rule !== 'beyond-k');
  const right = (...titles: string[]): Column[] => titles.map((title) => ({ title, align: 'right' }));
  const names: readonly Column[] = ['rule', 'label', 'id'].map((title) => ({ title }));
  const sections = [
    table(
      [...right('rank', 'nearness', 'distance', 'similarity', 'margin'), ...names],
      chosen.map(({ rank, nearness, distance, similarity, margin, rule, label, id }) => [
        ...[String(rank), String(nearness), distance.toFixed(4), similarity.toFixed(4), margin?.toFixed(4) ?? ''],
        ...[rule, label, id],
      ]),
    ),
  ];
  const byBlock = blockTable(chosen, index);
  if (byBlock !== undefined) sections.push(byBlock);
  if (passedOver.length > 0) {
    const rows = passedOver.map(({ nearness, distance, rule, label, id, of }) => {
      const why = of === undefined ? rule : `${rule} of ${of}`;
      return [String(nearness), distance.toFixed(4), why, label, id];
    });
    sections.push(`passed over:\n${table([...right('nearness', 'distance'), ...names], rows)}`);
  }
  return [...sections, pairs([['candidates', String(candidates)], ...posteriorLines(posterior)])].join('\n\n');
}

function posteriorLines({ labels, other, calibrated }: Posterior): [string, string][] {
  const likeliest = labels.slice(0, LIKELIEST).map(({ label, probability }) => `${label} ${probability.toFixed(3)}`);
  const none = calibrated ? [`none of them ${other.toFixed(3)}`] : [];
  return [[calibrated ? 'probability' : 'share of the vote', [...likeliest, ...none].join(', ')]];
}
