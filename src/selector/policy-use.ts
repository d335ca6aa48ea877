/** What a policy's outcome is to those who use a selection: its examples, its prompts, its answer by vote. */
import type { Example } from '../core/item.js';
import { candidatesFor, parsePolicy, type Policy } from '../policies/options.js';
import { arrange, keepingOrder } from '../policies/order.js';
import type { PolicyOutcome } from '../policies/pipeline.js';
import { narrowLabels } from '../policies/posterior.js';
import type { PromptValues } from '../prompt/template.js';
import type { Vote } from '../retrieve/vote.js';
import type { SelectedExample, Selection, SelectorAnswer, Voter } from './selection.js';

/** A selection without its query. */
export type Selected = Omit<Selection, 'query' | 'truncated' | 'vector'>;

export const ranked = (
  chosen: readonly { readonly example: Example; readonly distance: number }[],
): SelectedExample[] => chosen.map(({ example, distance }, i) => ({ ...example, rank: i + 1, distance }));

/** Whether somebody wants to know what neighbours say of the query's label. */
export const asksPosterior = ({ labelList, abstain }: Policy, explain: boolean): boolean =>
  explain || labelList !== undefined || abstain !== undefined;

export function selectedBy(outcome: PolicyOutcome, policy: Policy, explain: boolean): Selected {
  const { order, packing, minLabels = 1, labelList, abstain } = policy;
  return {
    examples: ranked(outcome.chosen),
    ...(asksPosterior(policy, explain) && { posterior: outcome.posterior() }),
    ...(abstain && { abstains: outcome.posterior().confidence < abstain.below }),
    inPrompt: { packing, minLabels, ...(order && { order }), ...(labelList && { alpha: labelList.alpha }) },
    ...(explain && { explanation: outcome.explanation() }),
  };
}

/**
 * For the posterior, which does not depend on who is chosen: the nearest are the cheapest to choose. It is of as many candidates as the
 * policy itself would look at.
 */
export const posteriorOnly = (policy: Policy, k: number, explain: boolean): Policy => ({
  ...policy,
  choice: { by: 'top-k' },
  candidates: candidatesFor(policy, k, explain),
});

/** Its say in who may be chosen, and no more: the nearest of those vote, however examples are chosen among them. */
export const eligibleOnly = ({ exclude, duplicates }: Policy): Policy => ({
  ...parsePolicy({}, 1),
  ...(exclude && { exclude }),
  ...(duplicates && { duplicates }),
});

/**
 * @param selected by the space that examples are chosen in
 * @param judged by the space that neighbours vote in, where there is another: what it says of the label
 * @param voters those who vote there
 */
export function votedBy(
  selected: Selected,
  judged: Selected | undefined,
  voters: readonly SelectedExample[] | undefined,
): Selected {
  const { explanation } = selected;
  const { posterior, abstains } = judged ?? selected;
  return {
    ...selected,
    ...(voters && { voters: voters.map(({ id, label, distance }) => ({ id, label, distance })) }),
    ...(posterior && { posterior }),
    ...(abstains !== undefined && { abstains }),
    ...(explanation && posterior && { explanation: { ...explanation, posterior } }),
  };
}

/** Those whose majority answers. */
export const votersOf = ({ voters, examples }: Selection): readonly Voter[] => voters ?? examples;

/** The labels of the list that a prompt of this selection offers. */
export function offeredLabels(
  { examples, posterior, inPrompt }: Selection,
  labels: readonly string[],
): readonly string[] {
  if (inPrompt?.alpha === undefined || posterior === undefined) return labels;
  return narrowLabels(
    labels,
    posterior,
    examples.map(({ label }) => label),
    inPrompt.alpha,
  );
}

/** How a selection's examples stand in a prompt, and which of them it gives up. */
export function placementOf({
  examples,
  inPrompt,
}: Selection): Pick<PromptValues<SelectedExample>, 'arrange' | 'packing' | 'priority'> {
  if (inPrompt === undefined) return {};
  const { order, packing, minLabels } = inPrompt;
  return {
    packing,
    priority: keepingOrder(examples, minLabels),
    ...(order && { arrange: (used) => arrange(used, order) }),
  };
}

/** By a policy that abstains the likeliest label, where it is likely enough; else the examples' majority. */
export function votedAnswer({ posterior, abstains }: Selection, vote: Vote): SelectorAnswer['answer'] {
  const likeliest = posterior?.labels[0]?.label;
  if (abstains === undefined || posterior === undefined || likeliest === undefined) {
    return { kind: 'label', label: vote.label };
  }
  if (abstains) return { kind: 'abstained', likeliest, confidence: posterior.confidence };
  return { kind: 'label', label: likeliest };
}
