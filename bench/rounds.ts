/** Measures tasks in turn, A B C A B C …, so that a change of the machine's speed meets all of them alike. */
export async function interleaved<Name extends string>(
  rounds: number,
  tasks: Readonly<Record<Name, () => unknown>>,
): Promise<Record<Name, number[]>> {
  const entries = Object.entries(tasks) as [Name, () => unknown][];
  const times = Object.fromEntries(entries.map(([name]) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (const [name, task] of entries) {
      const began = performance.now();
      await task();
      if (round >= 0) times[name].push(performance.now() - began); // round −1 warms up
    }
  }
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
