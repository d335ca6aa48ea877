/** How chosen examples stand in a prompt. LLMs weigh the end of a prompt more, and repeated labels (Zhao et al. 2021; Lu et al. 2022). */

/**
 * `nearest-last` and `nearest-first` by rank. `interleaved`: labels in turn, the nearest of each label last, so that no label fills
 * the end. `stable`: by id, which no query changes, so that prompts that share examples share more of their beginning and a prefix cache helps.
 */
export const EXAMPLE_ORDERS = ['nearest-last', 'nearest-first', 'interleaved', 'stable'] as const;
export type ExampleOrder = (typeof EXAMPLE_ORDERS)[number];

/** @param examples nearest first */
export function arrange<E extends { readonly id: string; readonly label: string }>(
  examples: readonly E[],
  order: ExampleOrder,
): E[] {
  if (order === 'nearest-first') return [...examples];
  if (order === 'nearest-last') return examples.toReversed();
  if (order === 'stable') return examples.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return interleave(examples).reverse();
}

/** The nearest of each label, nearest label first, then the second of each, and so on. */
function interleave<E extends { readonly label: string }>(examples: readonly E[]): E[] {
  const seen = new Map<string, number>();
  const turns: E[][] = [];
  for (const example of examples) {
    const turn = seen.get(example.label) ?? 0;
    seen.set(example.label, turn + 1);
    (turns[turn] ??= []).push(example);
  }
  return turns.flat();
}

/**
 * Which examples to give up last when a prompt has no room for all: the best, then the nearest of each further label up to `labels`
 * labels, then the rest.
 *
 * @param examples nearest first
 * @returns places
 */
export function keepingOrder(examples: readonly { readonly label: string }[], labels: number): number[] {
  const seen = new Set<string>();
  const first = examples.flatMap(({ label }, i) => {
    if (seen.has(label) || seen.size >= labels) return [];
    seen.add(label);
    return [i];
  });
  const rest = [...examples.keys()].filter((i) => !first.includes(i));
  return [...first, ...rest];
}
