/** Members that the bodies of several routes share. Each says its bounds, so that the document does too. */
import { z } from 'zod';
import { MAX_ID_LENGTH } from '../../core/example-check.js';
import { FungiError } from '../../core/errors.js';
import { BODY_BYTES } from '../route.js';
import { MAX_FILTER_DEPTH, parseFilter, type Filter } from '../../store/filter.js';

/** Rows that a selection finds at most. */
export const MAX_K = 1000;
/** Items of one request, as OpenAI's embeddings have it. */
export const MAX_ITEMS = 2048;

export const MAX_LABEL_LENGTH = 512;
const MAX_METADATA_KEYS = 64;
const MAX_KEY_LENGTH = 128;
const MAX_VALUE_LENGTH = 10_000;

/** A string that UTF-8 can hold: JSON's `"\ud800"` is none. */
const wellFormed = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => text.isWellFormed(), 'has a lone UTF-16 surrogate: it cannot be written as UTF-8');

export const indexName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'has to be 1 to 63 of a-z, 0-9, "-" and "_", and begin with a letter or digit')
  .meta({ description: 'Name of an index.', examples: ['help-desk'] });

export const indexPath = z.strictObject({ name: indexName });
export type IndexPath = z.output<typeof indexPath>;

export const noQuery = z.strictObject({});

/** A text, or of an index of images or sounds the medium. Its length is bound by the body's, and by what the index holds. */
export const item = wellFormed(BODY_BYTES.media).meta({
  description:
    'A text; of an index of images or sounds the medium itself, as a base64 data URL. Paths and addresses are refused.',
  examples: ['my library card was stolen, can I still borrow?'],
});

export const label = wellFormed(MAX_LABEL_LENGTH).meta({ description: 'Its class.', examples: ['lost_or_damaged'] });

export const exampleId = wellFormed(MAX_ID_LENGTH).meta({
  description: 'Key of an example. One made from input and label (sha256) where it is left out.',
  examples: ['card-201'],
});

/** `__proto__` is a key of no body: json-text.ts refuses it before. */
const KEY_NAMES = { minLength: 1, maxLength: MAX_KEY_LENGTH, not: { const: '__proto__' } };

/**
 * Values that a row can be filtered by. Checked here and handed on as it is: zod's records leave the key `__proto__` out without a word.
 */
export const metadata = z
  .unknown()
  .superRefine((value, context) => {
    const fault = flatObjectFault(value, (member) => ['string', 'boolean'].includes(typeof member) || isFinite(member));
    if (fault !== undefined) context.addIssue({ code: 'custom', ...fault });
  })
  .meta({
    type: 'object',
    maxProperties: MAX_METADATA_KEYS,
    propertyNames: KEY_NAMES,
    additionalProperties: {
      anyOf: [{ type: 'string', maxLength: MAX_VALUE_LENGTH }, { type: 'number' }, { type: 'boolean' }],
    },
    description: 'Values by name: strings, finite numbers and booleans. Filters read them.',
    examples: [{ source: 'mail', year: 2026 }],
  });

/** Values of a template's inputs. */
export const variables = z
  .unknown()
  .superRefine((value, context) => {
    const fault = flatObjectFault(value, (member) => typeof member === 'string');
    if (fault !== undefined) context.addIssue({ code: 'custom', ...fault });
  })
  .meta({
    type: 'object',
    maxProperties: MAX_METADATA_KEYS,
    propertyNames: KEY_NAMES,
    additionalProperties: { type: 'string', maxLength: MAX_VALUE_LENGTH },
    description: "Values of the template's inputs, texts by name.",
    examples: [{}],
  });

export const k = z
  .int()
  .min(1)
  .max(MAX_K)
  .default(20)
  .meta({ description: 'How many examples; fewer come where there are fewer.', examples: [20] });

const SCALAR = { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] };
const BOUND = { anyOf: [{ type: 'number' }, { type: 'string' }] };
const CONDITION = {
  anyOf: [
    ...SCALAR.anyOf,
    { type: 'array', items: SCALAR },
    {
      type: 'object',
      properties: { gt: BOUND, gte: BOUND, lt: BOUND, lte: BOUND },
      additionalProperties: false,
      minProperties: 1,
    },
  ],
};
const FILTER = { $ref: '#/$defs/Filter' };

/** Judged by {@link parseFilter} alone; a handler turns it into a filter by {@link filterOf}. The document's reading of it is below. */
export const filter = z
  .unknown()
  .superRefine((value, context) => {
    try {
      parseFilter(value);
    } catch (error) {
      if (!FungiError.is(error, 'INVALID_ARGUMENT')) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  })
  .meta({
    id: 'Filter',
    type: 'object',
    properties: {
      label: CONDITION,
      metadata: { type: 'object', propertyNames: { not: { const: '__proto__' } }, additionalProperties: CONDITION },
      and: { type: 'array', items: FILTER },
      or: { type: 'array', items: FILTER },
      not: FILTER,
    },
    additionalProperties: false,
    description:
      'Only examples that match take part. Members, all of which have to hold: `label` and `metadata` (by key), each a value, an array of ' +
      `values, or a range with gt, gte, lt, lte; \`and\`, \`or\` (arrays of filters), \`not\` (a filter). At most ${MAX_FILTER_DEPTH} filters within each other.`,
    examples: [{ label: ['refund', 'cancel'], metadata: { year: { gte: 2020 } } }],
  });

export const filterOf = (value: unknown): { readonly filter?: Filter } =>
  value === undefined ? {} : { filter: parseFilter(value) };

export const labels = z
  .array(label)
  .min(1)
  .max(10_000)
  .meta({
    description: 'The closed list to choose from; all labels of the index where it is left out.',
    examples: [['lost_or_damaged', 'renew']],
  });

const isFinite = (value: unknown): boolean => Number.isFinite(value);

/** What is wrong with an object of values by name, if anything. */
function flatObjectFault(
  value: unknown,
  isValue: (member: unknown) => boolean,
): { readonly message: string; readonly path?: string[] } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { message: 'has to be an object' };
  const entries = Object.entries(value);
  if (entries.length > MAX_METADATA_KEYS)
    return { message: `has ${entries.length} members, and may have ${MAX_METADATA_KEYS}` };
  for (const [key, member] of entries) {
    if (key.length < 1 || key.length > MAX_KEY_LENGTH || !key.isWellFormed())
      return { message: `has a key that is not 1 to ${MAX_KEY_LENGTH} well-formed characters` };
    if (!isValue(member)) return { message: 'has a value of a type that is not taken', path: [key] };
    if (typeof member === 'string' && (member.length > MAX_VALUE_LENGTH || !member.isWellFormed()))
      return { message: `is longer than ${MAX_VALUE_LENGTH} characters, or has a lone surrogate`, path: [key] };
  }
  return undefined;
}
