/** What a client may say of a prompt. */
import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import type { PromptOptions, SelectorPrompt } from '../../../selector/selection.js';
import type { FungiSelector } from '../../../selector/selector.js';
import type { RequestContext } from '../../route.js';
import { filter, filterOf, item, k, labels, variables } from '../fields.js';
import { policyOptions, policyShape } from './policy-body.js';

/** The built-in ones by name. A path is none of them: a client reads no file of the server. */
export const TEMPLATES = ['classify', 'classify-chat', 'turns'] as const;

export const promptShape = {
  query: item,
  k,
  filter: filter.optional(),
  ...policyShape,
  template: z
    .enum(TEMPLATES)
    .default('classify-chat')
    .meta({ description: 'How instructions, labels, examples and query stand in the messages.' }),
  labels: labels.optional(),
  variables: variables.optional(),
};
type PromptBody = z.output<z.ZodObject<typeof promptShape>>;

/** @throws {FungiError} INVALID_ARGUMENT */
export function promptOptions(
  { k, filter, template, labels, variables, ...chosen }: Omit<PromptBody, 'query'>,
  { size: rows }: Pick<FungiSelector, 'size'>,
  { signal }: Pick<RequestContext, 'signal'>,
): PromptOptions {
  return {
    k,
    template,
    signal,
    ...filterOf(filter),
    ...policyOptions(chosen, { k, queries: 1, rows }),
    ...(labels !== undefined && { labels }),
    ...(variables !== undefined && { variables: variables as Readonly<Record<string, string>> }),
  };
}

export const sizeSchema = z.strictObject({
  characters: z.int().nonnegative(),
  tokens: z.int().nonnegative().meta({ description: 'An estimate: four ASCII characters a token, one any other.' }),
  media: z
    .strictObject({ parts: z.int().nonnegative(), bytes: z.int().nonnegative() })
    .optional()
    .meta({ description: 'Images and sounds, base64 included.' }),
});

export const contentsShape = {
  used: z.array(z.string()).meta({ description: 'Ids of the examples in the prompt, nearest first.' }),
  dropped: z
    .array(z.strictObject({ id: z.string(), reason: z.enum(['max-examples', 'budget']) }))
    .meta({ description: 'Examples that did not fit, nearest first.' }),
  size: sizeSchema,
};

export const contentsOf = ({ used, dropped, size }: Pick<SelectorPrompt, 'used' | 'dropped' | 'size'>) => ({
  used: used.map(({ id }) => id),
  dropped: dropped.map(({ example: { id }, reason }) => ({ id, reason })),
  size,
});

/**
 * Images and sounds of an index may lie in files of the server. That one is gone or damaged is the server's fault, and where it lies
 * nobody's business.
 *
 * @throws {FungiError} INDEX_CORRUPT in place of what names such a file; else what `work` throws
 */
export async function withoutPaths<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    const of = error.details['example'];
    if (typeof of !== 'string') throw error;
    const isOther = FungiError.is(error, 'INVALID_DATA');
    const what = isOther
      ? `${of} gives other features now than are stored`
      : `the image or sound of ${of} is missing or damaged`;
    throw new FungiError('INDEX_CORRUPT', `index "${name}": ${what}`, {
      hint: isOther
        ? 'Ask for an explanation without blocks, or have the example stored again.'
        : 'Take the example out of the index, or have its file put back.',
      cause: error,
    });
  }
}
