/** Majority vote of neighbours (the paper's kNN classification). */
export interface Vote {
  readonly label: string;
  readonly votes: number;
  readonly total: number;
  readonly ranking: readonly { readonly label: string; readonly votes: number; readonly nearest: number }[];
}

/** Most votes win; among equals the label whose nearest member is nearest (scikit-learn takes the smallest class index). */
export function majorityVote(neighbours: readonly { readonly label: string; readonly distance: number }[]): Vote {
  const counts = new Map<string, { label: string; votes: number; nearest: number }>();
  for (const { label, distance } of neighbours) {
    const entry = counts.get(label) ?? { label, votes: 0, nearest: distance };
    entry.votes += 1;
    entry.nearest = Math.min(entry.nearest, distance);
    counts.set(label, entry);
  }
  const ranking = [...counts.values()].sort((a, b) => b.votes - a.votes || a.nearest - b.nearest);
  return { label: ranking[0]?.label ?? '', votes: ranking[0]?.votes ?? 0, total: neighbours.length, ranking };
}
