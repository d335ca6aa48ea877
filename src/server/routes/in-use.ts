/** A selector lent to a generator: the index stays open from its first value to its last, whoever stops reading. */
import type { FungiSelector } from '../../selector/selector.js';
import type { RequestContext } from '../route.js';

/**
 * What `work` yields. The selector goes back when the values have ended, when they are no longer read (`return`), or when the
 * request's signal fires between two of them: a stream that nobody reads on must not keep a generation open.
 *
 * @throws what `catalogue.use` and `work` throw; the signal's reason
 */
export async function* inUse<T>(
  { catalogue, signal }: Pick<RequestContext, 'catalogue' | 'signal'>,
  name: string,
  work: (selector: FungiSelector) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  let giveBack = (): void => undefined;
  const returned = new Promise<void>((resolve) => {
    giveBack = resolve;
  });
  let use: Promise<void> | undefined;
  const selector = await new Promise<FungiSelector>((lend, fail) => {
    use = catalogue.use(name, (lent) => {
      lend(lent);
      return returned;
    });
    use.catch(fail);
  });
  // Never while it computes: what is given back may be closed.
  let isIdle = false;
  const onAbort = (): void => {
    if (isIdle) giveBack();
  };
  signal.addEventListener('abort', onAbort);
  try {
    for await (const value of work(selector)) {
      signal.throwIfAborted();
      isIdle = true;
      yield value;
      signal.throwIfAborted();
      isIdle = false;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    giveBack();
    await use;
  }
}

/** `values` with the first taken out beforehand, so that what fails there can still be told by the reply's status. */
export async function begun<T>(values: AsyncGenerator<T, void, undefined>): Promise<AsyncIterable<T>> {
  const first = await values.next();
  let ahead = first.done === true ? undefined : first;
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const next = ahead;
        ahead = undefined;
        return next ?? (await values.next());
      },
      return: async () => values.return(),
    }),
  };
}
