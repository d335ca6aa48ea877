/** What an example has to be to be encoded, stored and put into a prompt: checked before any of that costs anything. */
import { FungiError } from './errors.js';
import type { ExampleInput, Metadata } from './item.js';
import { assertText } from './text.js';

export const MAX_ID_LENGTH = 512;

/**
 * @param where names the example in the error, e.g. "example 3" or "train.jsonl:12"
 * @throws {FungiError} INVALID_TEXT for an input or label that is no visible, well-formed text; INVALID_DATA for a label with NUL,
 * an id that is empty, too long or ill-formed, and metadata that is no flat object of storable values
 */
export function assertExample(example: unknown, where: string): asserts example is ExampleInput {
  if (typeof example !== 'object' || example === null) {
    throw new FungiError('INVALID_DATA', `${where}: has to be an object with "input" and "label"`);
  }
  const { input, label, id, metadata } = example as Partial<Record<keyof ExampleInput, unknown>>;
  assertText(input, where);
  assertText(label, `label of ${where}`, 'label');
  assertStorable(label, `label of ${where}`);
  if (id !== undefined) assertId(id, `id of ${where}`);
  if (metadata !== undefined) assertMetadata(metadata, where);
}

/** @throws {FungiError} INVALID_DATA */
export function assertId(id: unknown, where = 'id'): asserts id is string {
  const shown = typeof id === 'string' ? JSON.stringify(id.length > 80 ? `${id.slice(0, 80)}…` : id) : typeof id;
  if (typeof id !== 'string' || id.length < 1 || id.length > MAX_ID_LENGTH) {
    const found = typeof id === 'string' ? `${id.length} characters` : 'not a string';
    throw new FungiError('INVALID_DATA', `${where} ${shown}: ${found}; an id has 1 to ${MAX_ID_LENGTH} characters`, {
      hint: 'Leave the id out to have one made from content and label.',
    });
  }
  assertStorable(id, `${where} ${shown}`);
}

/** Refuses what a column of text cannot return as it was. @throws {FungiError} INVALID_DATA */
export function assertStorable(text: unknown, what: string): void {
  if (typeof text !== 'string' || !text.isWellFormed() || text.includes('\0')) {
    throw new FungiError('INVALID_DATA', `${what}: has to be well-formed Unicode without NUL`, {
      hint: 'Repair the encoding at the source.',
    });
  }
}

/** @throws {FungiError} INVALID_DATA naming the key */
export function assertMetadata(metadata: unknown, where: string): asserts metadata is Metadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new FungiError('INVALID_DATA', `metadata of ${where}: has to be an object`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    assertStorable(key, `metadata key of ${where}`);
    const storable =
      typeof value === 'boolean' || Number.isFinite(value) || (typeof value === 'string' && value.isWellFormed());
    if (!storable) {
      throw new FungiError(
        'INVALID_DATA',
        `metadata "${key}" of ${where}: has to be a well-formed string, a finite number or a boolean`,
        { hint: 'Leave the key out, or write the value as a string.' },
      );
    }
  }
}
