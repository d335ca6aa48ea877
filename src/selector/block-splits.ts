/** Explanations by block: what is stored are reduced features alone, so that queries and chosen examples are encoded again. */
import { FungiError } from '../core/errors.js';
import type { Example, Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import { blockSplits, type ItemBlocks } from '../policies/block-split.js';
import type { SearchMetric } from '../retrieve/distance.js';
import type { Featurizer } from './featurizer.js';
import type { LoadedRows } from './loaded-rows.js';
import type { Selected } from './policy-use.js';
import type { Space } from './spaces.js';

/** Items that are held by block at a time. */
const MAX_ITEMS = 1024;
/** How far a stored feature may lie from what its example gives now, of its length: another machine rounds otherwise. */
const TOLERANCE = 0.05;

export interface SplitTask {
  readonly featurizer: Featurizer;
  readonly rows: LoadedRows;
  /** In which the examples were chosen. */
  readonly space: Space;
  readonly metric: SearchMetric;
  readonly onProgress: OnProgress | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Explained selections with the splits of their examples' distances.
 *
 * @param selections of the queries [Q]
 * @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA naming the example whose image or sound is missing or damaged; INVALID_DATA for one that
 *   is not what the index holds; what computing features throws
 */
export async function withSplits(
  queries: readonly Item[],
  selections: readonly Selected[],
  task: SplitTask,
): Promise<Selected[]> {
  const split: Selected[] = [];
  for (const { start, end } of groups(selections)) {
    split.push(...(await splitTogether(queries.slice(start, end), selections.slice(start, end), task)));
  }
  return split;
}

/** Of queries with their examples: examples that several of them share are encoded once. */
async function splitTogether(
  queries: readonly Item[],
  selections: readonly Selected[],
  task: SplitTask,
): Promise<Selected[]> {
  const { featurizer, space, metric, onProgress, signal } = task;
  const { blocks } = featurizer;
  const chosen = [
    ...new Map(selections.flatMap(({ examples }) => examples.map((each) => [each.id, each] as const))).values(),
  ];
  const asked = await featurizer.featurizeByBlock(queries, { stage: 'blocks', onProgress, signal });
  const found = await encoded(chosen, task);
  const F = blocks.reduce((sum, { width }) => sum + width, 0);
  const itemsIn = (vectors: Float32Array): ItemBlocks[] => {
    const width = F + blocks.length * featurizer.dims;
    return Array.from({ length: vectors.length / width }, (_, i) => {
      const own = vectors.subarray(i * width, (i + 1) * width);
      return { feature: own.subarray(0, F), parts: own.subarray(F) };
    });
  };
  const examples = new Map(itemsIn(found).map((item, i) => [chosen[i]!.id, item]));
  for (const example of chosen) assertAsStored(example, examples.get(example.id)!.parts, task.rows);
  const placed = ({ feature, parts }: ItemBlocks): ItemBlocks => ({ feature, parts: space.rows(parts) });
  return itemsIn(asked.vectors).map((query, i) => {
    const { explanation, ...selected } = selections[i]!;
    if (explanation === undefined) return selected;
    const own = explanation.chosen.map(({ id }) => placed(examples.get(id)!));
    const splits = blockSplits(placed(query), own, blocks, metric);
    return {
      ...selected,
      explanation: { ...explanation, chosen: explanation.chosen.map((each, at) => ({ ...each, split: splits[at]! })) },
    };
  });
}

/** Runs of selections with {@link MAX_ITEMS} items at most, or one that has more. */
function* groups(selections: readonly Selected[]): Generator<{ readonly start: number; readonly end: number }> {
  let [start, items] = [0, 0];
  for (const [i, { examples }] of selections.entries()) {
    const own = examples.length + 1;
    if (i > start && items + own > MAX_ITEMS) {
      yield { start, end: i };
      [start, items] = [i, 0];
    }
    items += own;
  }
  if (start < selections.length) yield { start, end: selections.length };
}

/** By block [n,F+Bk·P]. */
async function encoded(
  examples: readonly Example[],
  { featurizer, onProgress, signal }: SplitTask,
): Promise<Float32Array> {
  const run = async (some: readonly Example[]): Promise<Float32Array> => {
    const inputs = some.map(({ input }) => input);
    return (await featurizer.featurizeByBlock(inputs, { stage: 'blocks', onProgress, signal })).vectors;
  };
  /** Whose fault it is: halves that are computed once more, as many items in all as before. */
  const culprit = async (some: readonly Example[], error: FungiError): Promise<FungiError> => {
    if (some.length === 1) return spoilt(some[0]!, error.code, error.message, error);
    const half = some.slice(0, some.length >> 1);
    const own = await run(half).catch((cause: unknown) => cause);
    if (isOfItem(own)) return culprit(half, own);
    if (own instanceof Error) throw own;
    const rest = some.slice(half.length);
    return culprit(rest, error);
  };
  try {
    return await run(examples);
  } catch (error) {
    if (!isOfItem(error)) throw error;
    throw await culprit(examples, error);
  }
}

const isOfItem = (error: unknown): error is FungiError =>
  FungiError.is(error, 'FILE_NOT_FOUND') || FungiError.is(error, 'INVALID_MEDIA');

/** @throws {FungiError} INVALID_DATA where another feature is stored: a split of this one would not be of the distance that chose it */
function assertAsStored(example: Example, parts: Float32Array, rows: LoadedRows): void {
  const stored = rows.find(example.id);
  // Removed or replaced since the search: it was what the index held.
  if (stored?.input !== example.input || isNear(stored.vector, parts)) return;
  const what = 'is not what the index holds any more: its features are others now';
  throw spoilt(example, 'INVALID_DATA', what);
}

function isNear(stored: Float32Array, parts: Float32Array): boolean {
  const P = stored.length;
  let [apart, own, now] = [0, 0, 0];
  for (let j = 0; j < P; j++) {
    let sum = 0;
    for (let at = j; at < parts.length; at += P) sum += parts[at]!;
    apart += (stored[j]! - sum) ** 2;
    own += stored[j]! ** 2;
    now += sum * sum;
  }
  return apart <= TOLERANCE ** 2 * Math.max(own, now);
}

function spoilt({ id }: Example, code: FungiError['code'], why: string, cause?: FungiError): FungiError {
  const name = `example "${id}"`;
  return new FungiError(code, `${name}: ${why}`, {
    hint: 'Put back what the index was built from, store the example again, or ask for an explanation without blocks.',
    details: { ...cause?.details, example: name },
    ...(cause && { cause }),
  });
}
