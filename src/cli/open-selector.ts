/** Opening an index for one command. */
import { FungiError } from '../core/errors.js';
import type { FungiSelector, Selection } from '../selector/selector.js';
import { parseFilter, type Filter } from '../store/filter.js';
import { readJson, type Context } from './context.js';
import { pick, runtimeOptions, surroundings, type RuntimeFlags } from './options.js';
import { counted } from './output.js';

export interface OpenFlags extends RuntimeFlags {
  /** Where the model lies now. */
  readonly encoder?: string;
  /** Its ONNX file there. */
  readonly file?: string;
}

export interface FilterFlags {
  readonly k: number;
  readonly label?: readonly string[];
  readonly filter?: string;
}

/** Runs `work` on the index and closes it. */
export async function withSelector<T>(
  context: Context,
  name: string,
  flags: OpenFlags,
  work: (selector: FungiSelector) => Promise<T>,
): Promise<T> {
  const { FungiSelector } = await import('../selector/selector.js');
  const selector = await FungiSelector.open({
    name,
    indexes: context.indexes,
    ...pick(flags, 'encoder', 'file'),
    ...runtimeOptions(flags),
    ...surroundings(context),
  });
  try {
    return await work(selector);
  } finally {
    await selector.close();
  }
}

/**
 * k and filter of a retrieval.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a label that the index does not have
 */
export function selectOptions(
  { k, label, filter }: FilterFlags,
  selector: FungiSelector,
): { readonly k: number; readonly filter?: Filter } {
  const { labels } = selector;
  const unknown = label?.find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', `no example of the index has the label "${unknown}"`, {
      hint: `Its labels are ${labels.slice(0, 20).join(', ')}${labels.length > 20 ? ', …' : ''}.`,
    });
  }
  const parts: Filter[] = [
    ...(label === undefined ? [] : [{ label }]),
    ...(filter === undefined ? [] : [parseFilter(readJson(filter, '--filter'))]),
  ];
  return { k, ...(parts.length > 0 && { filter: { and: parts } }) };
}

/** Says what a user might not expect of a selection. */
export function warnOf({ examples, truncated }: Selection, flags: FilterFlags, { log }: Context): void {
  if (truncated) log.warn('the query is longer than the encoder reads: its end was not seen');
  if (examples.length >= flags.k) return;
  const leftNone = examples.length === 0 && filterOf(flags);
  log.warn(leftNone || `${flags.k} examples were asked for, and there are only ${examples.length}`);
}

/** What to say when a filter admits no row: it is the same for every query. Undefined when there is no filter. */
function filterOf({ label, filter }: FilterFlags): string | undefined {
  const parts = [
    ...(label ?? []).map((name) => `--label ${name}`),
    ...(filter === undefined ? [] : [`--filter ${filter}`]),
  ];
  if (parts.length === 0) return undefined;
  const types = filter === undefined ? '' : '; keys and types of the values must be those of the data';
  return `the filter leaves no example: ${parts.join(' ')}${types}`;
}

/** {@link warnOf} for many texts: each warning once, with a count. */
export function warnOfMany(
  texts: readonly { readonly found: number; readonly truncated: boolean }[],
  flags: FilterFlags,
  { log }: Context,
): void {
  const { k } = flags;
  const all = counted(texts.length, 'text');
  const cut = texts.filter(({ truncated }) => truncated).length;
  if (cut > 0) log.warn(`${cut} of ${all} are longer than the encoder reads: their ends were not seen`);
  const few = texts.map(({ found }) => found).filter((found) => found < k);
  if (few.length > 0) {
    const least = few.reduce((a, b) => Math.min(a, b));
    const leftNone = least === 0 && filterOf(flags);
    log.warn(leftNone || `${few.length} of ${all} got fewer examples than the ${k} asked for: there are only ${least}`);
  }
}
