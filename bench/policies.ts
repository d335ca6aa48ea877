/**
 * Choosing k of c candidates by the whole pipeline, rule by rule and all together, without the search that finds them.
 *
 *     npx tsx bench/policies.ts [c=200] [k=20] [P=512] [rounds=300]
 *
 * Prints milliseconds a query, median and 95th percentile, and the processor time a query takes on average, which other work on the machine changes
 * less. Each round takes another query.
 */
import { Rng } from '../src/core/rng.js';
import { normaliseText } from '../src/core/text.js';
import type { Candidate } from '../src/policies/candidate.js';
import { parsePolicy, type PolicyOptions } from '../src/policies/options.js';
import { selectExamples } from '../src/policies/pipeline.js';
import { distanceBetween } from '../src/retrieve/distance.js';
import { interleaved, median } from './rounds.js';

const [c = 200, k = 20, P = 512, rounds = 300] = process.argv.slice(2).map(Number);
const QUERIES = 50;

/** Components fall as PCA's do; rows of a query lie around it, as its nearest do. */
const near = (centre: Float32Array, name: string): Float32Array =>
  Rng.stream(1, name)
    .uniform(P, 1)
    .map((value, j) => centre[j]! + (value * 0.2) / Math.sqrt(1 + j));

const QUERIED = Array.from({ length: QUERIES }, (_, q): readonly Candidate[] => {
  const query = near(new Float32Array(P), `query ${q}`);
  const rng = Rng.stream(1, 'rows', q);
  return Array.from({ length: c }, (_, row) => {
    const vector = near(query, `row ${q} ${row}`);
    const input = Array.from({ length: 12 }, () => `word${rng.int(300)}`).join(' ');
    const example = { id: `r${row}`, input, label: `label ${rng.int(12)}`, metadata: {} };
    const words = rng.int(3) === 0 ? { words: 1 + rng.float() } : {};
    return { row, example, distance: distanceBetween(query, vector, 'l2'), vector, ...words };
  });
});

const rules = {
  exclude: { query: true },
  duplicates: { distance: 0.05 },
  hybrid: true,
  maxPerLabel: 4,
  minLabels: 6,
  adaptive: { mass: 0.999, atLeast: k },
  labelList: { alpha: 0.05 },
} satisfies PolicyOptions;

const policies: Readonly<Record<string, PolicyOptions>> = {
  'top-k': {},
  mmr: { choice: { by: 'mmr' } },
  dpp: { choice: { by: 'dpp' } },
  duplicates: { duplicates: { distance: 0.05 } },
  'all, mmr': { ...rules, choice: { by: 'mmr' } },
  'all, dpp': { ...rules, choice: { by: 'dpp' } },
};

let turn = 0;
const cpu = new Map<string, number>();
const task = (name: string, policy: PolicyOptions) => (): number => {
  const before = process.cpuUsage();
  const known = new Map<number, string>();
  const outcome = selectExamples(QUERIED[turn++ % QUERIES]!, {
    policy: parsePolicy(policy, k),
    ...{ k, metric: 'l2', query: 'word1 word2' },
    key: ({ row, example }) => {
      const text = known.get(row) ?? normaliseText(example.input);
      known.set(row, text);
      return text;
    },
  });
  const size = outcome.explanation().chosen.length + outcome.posterior().labels.length;
  const { user, system } = process.cpuUsage(before);
  cpu.set(name, (cpu.get(name) ?? 0) + (user + system) / 1000);
  return size;
};

const times = await interleaved(
  rounds,
  Object.fromEntries(Object.entries(policies).map(([name, policy]) => [name, task(name, policy)])),
);
console.log(`${k} of ${c} candidates of ${P} dimensions, explained, with posterior; ms a query`);
for (const [name, values] of Object.entries(times)) {
  const sorted = values.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(0.95 * sorted.length)]!;
  const [middle, late, mean] = [median(values), p95, cpu.get(name)! / (rounds + 1)].map((ms) =>
    ms.toFixed(2).padStart(6),
  );
  console.log(`${name.padEnd(12)} median ${middle!}   p95 ${late!}   processor ${mean!}`);
}
