/** Examples line by line: what is stored is told batch by batch, so that a client knows where to go on. */
import { FungiError } from '../../../core/errors.js';
import type { ExampleInput } from '../../../core/item.js';
import type { FungiSelector } from '../../../selector/selector.js';
import { withId } from '../../../selector/rows.js';
import type { Line, RequestContext } from '../../route.js';
import { assertClientItems } from '../client-items.js';
import { exampleOf, type ParsedExample } from './example-schema.js';

/** Rows that are encoded and written together. */
export const BATCH_ROWS = 256;
/** Images and sounds are large: a batch ends before they fill the memory. Characters of its inputs. */
const BATCH_CHARACTERS = 8 * 1024 * 1024;

export interface Acknowledgement {
  /** Lines from the first that are stored. */
  readonly acknowledged: number;
  /** Of the whole request until now. */
  readonly inserted: number;
  readonly updated: number;
  /** Examples whose end did not fit the encoder. */
  readonly truncated: number;
  /** Behind the last line. */
  readonly complete?: true;
}

/**
 * Stores lines as they come. A line that is none ends it: those of its batch are not stored, those acknowledged stay.
 *
 * Each batch uses the index anew, so that a slow client keeps no generation open; all go to the index that there was at first.
 *
 * @throws {FungiError} INVALID_MEDIA, INVALID_TEXT, INVALID_DATA naming the line; what reading a line throws; INDEX_MISMATCH when another index took
 * the name; what `selector.add` throws. `details.acknowledged` says how many lines are stored.
 */
export async function* ingestLines(
  { catalogue, signal }: Pick<RequestContext, 'catalogue' | 'signal'>,
  name: string,
  lines: AsyncIterable<Line>,
): AsyncGenerator<Acknowledgement, void, undefined> {
  const target = await catalogue.use(name, (selector) => Promise.resolve(identityOf(selector)));
  let told: Acknowledgement = { acknowledged: 0, inserted: 0, updated: 0, truncated: 0 };
  try {
    for await (const batch of batches(lines)) {
      signal.throwIfAborted();
      const counts = await catalogue.use(name, async (selector) => {
        assertSame(target, selector, name);
        const examples = batch.map(({ number, example }) => checked(example, selector, number));
        return selector.add(examples, { signal });
      });
      told = {
        acknowledged: batch.at(-1)!.number,
        inserted: told.inserted + counts.inserted,
        updated: told.updated + counts.updated,
        truncated: told.truncated + counts.truncated,
      };
      yield told;
    }
  } catch (error) {
    throw withAcknowledged(error, told.acknowledged);
  }
  yield { ...told, complete: true };
}

interface NumberedExample {
  readonly number: number;
  readonly example: ExampleInput;
}

async function* batches(lines: AsyncIterable<Line>): AsyncGenerator<NumberedExample[], void, undefined> {
  let batch: NumberedExample[] = [];
  let characters = 0;
  for await (const { number, value } of lines) {
    const example = exampleOf(value as ParsedExample); // checked when it was read
    batch.push({ number, example });
    characters += example.input.length;
    if (batch.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue;
    yield batch;
    [batch, characters] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** @throws {FungiError} naming the line */
function checked(example: ExampleInput, { modality }: FungiSelector, number: number): ExampleInput {
  try {
    assertClientItems([example.input], modality, () => `line ${number}`);
    return withId(example, `line ${number}`);
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    throw withDetails(error, { line: number });
  }
}

const identityOf = ({ manifest }: FungiSelector): string => manifest.storeId;

function assertSame(target: string, selector: FungiSelector, name: string): void {
  if (identityOf(selector) === target) return;
  throw new FungiError('INDEX_MISMATCH', `index "${name}" was replaced by another while lines were read`, {
    hint: 'Send all lines again: those acknowledged were stored in the index that is gone.',
  });
}

const withAcknowledged = (error: unknown, acknowledged: number): unknown =>
  FungiError.is(error) ? withDetails(error, { acknowledged }) : error;

function withDetails(error: FungiError, details: Readonly<Record<string, unknown>>): FungiError {
  const { code, message, hint } = error;
  return new FungiError(code, message, {
    ...(hint !== undefined && { hint }),
    details: { ...error.details, ...details },
    cause: error,
  });
}
