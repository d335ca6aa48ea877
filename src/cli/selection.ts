/** Opening an index and selecting from it, for one query. */
import type { FungiSelector, Selection } from '../selector/selector.js';
import type { Context } from './context.js';
import { selectOptions, warnOf, withSelector, type FilterFlags, type OpenFlags } from './open-selector.js';
import { asExpected, type policyOptions } from './policy-option.js';

interface Asked {
  /** Of the index. */
  readonly name: string;
  readonly query: string;
  readonly flags: OpenFlags & FilterFlags;
  readonly policy: Awaited<ReturnType<typeof policyOptions>>;
}

/** What `work` makes of the selection, of which is said what a user might not expect. The index is closed behind it. */
export const withSelection = <T>(
  context: Context,
  { name, query, flags, policy }: Asked,
  work: (selection: Selection, selector: FungiSelector) => T | Promise<T>,
): Promise<T> =>
  withSelector(context, name, flags, async (selector) => {
    const selection = await selector.select(query, { ...selectOptions(flags, selector), ...policy });
    warnOf(selection, asExpected(flags, policy.policy), context);
    return work(selection, selector);
  });
