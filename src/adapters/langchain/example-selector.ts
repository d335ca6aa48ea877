/** Examples of a FUNGI index where LangChain takes a `BaseExampleSelector`. */
import { BaseExampleSelector } from '@langchain/core/example_selectors';
import type { Example } from '@langchain/core/prompts';
import { FungiError } from '../../core/errors.js';
import type { ExampleInput } from '../../core/item.js';
import { breakControlTokens } from '../../prompt/control-tokens.js';
import type { BuildOptions, OpenOptions } from '../../selector/options.js';
import { FungiSelector, type SelectedExample } from '../../selector/selector.js';
import type { Filter } from '../../store/filter.js';
import { exampleId } from '../../store/store.js';
import { assertTexts, choiceOf, type ChoiceOptions, type ExplainedChoice } from '../few-shot-options.js';

export interface FungiExampleSelectorOptions {
  /** How many examples. @default 20 */
  readonly k?: number;
  /** Only examples that match take part. */
  readonly filter?: Filter;
  /** Which of the nearest are chosen. What it says of prompts is left to the prompt template, the order to `order`. @default the k nearest */
  readonly policy?: NonNullable<ChoiceOptions['policy']>;
  /** Whether scores say why each example was chosen. @default false */
  readonly explain?: NonNullable<ChoiceOptions['explain']>;
  /** Rows that a policy looks at. @default all */
  readonly maxCandidates?: number;
  /** Key of an example's text. @default 'input' */
  readonly inputKey?: string;
  /** Key of what stands against it, which the index keeps as the label. @default 'output' */
  readonly outputKey?: string;
  /** Which of the prompt's variables is the query. @default `inputKey`, else the only one there is */
  readonly queryKey?: string;
  /** @default 'nearest-first' */
  readonly order?: 'nearest-first' | 'nearest-last';
  /** Doubles `{` and `}`, for LangChain's own `FewShotPromptTemplate`, which reads examples as template text; for no other. @default false */
  readonly escapeBraces?: boolean;
  /** What becomes of chat formats' control tokens (`<|im_start|>`) in examples: a space is put into them, or not. @default 'break' */
  readonly controlTokens?: 'break' | 'keep';
}

export interface ScoredExample {
  /** As `selectExamples` gives it. */
  readonly example: Example;
  readonly id: string;
  /** 1 is the nearest. */
  readonly rank: number;
  /** Smaller is nearer: Euclidean, or 1 − cosine, as the index was built. */
  readonly distance: number;
  /** With `explain`. */
  readonly explained?: ExplainedChoice;
}

type Selector = Pick<FungiSelector, 'name' | 'modality' | 'select' | 'add' | 'close'>;

/**
 * Keys of an example other than text and output are the row's metadata; they come back as strings.
 *
 * @example
 * const exampleSelector = await FungiExampleSelector.open({ name: 'help-desk', k: 5 });
 * const prompt = new SafeFewShotPromptTemplate({ exampleSelector, examplePrompt, suffix: '{message}', inputVariables: ['message'] });
 */
export class FungiExampleSelector extends BaseExampleSelector {
  override lc_namespace = ['fungi_icl', 'example_selectors'];
  readonly selector: Selector;
  private readonly options: FungiExampleSelectorOptions;

  /** @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds, or keys that are the same */
  constructor({ selector, ...options }: FungiExampleSelectorOptions & { readonly selector: Selector }) {
    super({});
    this.selector = selector;
    this.options = { ...options };
    assertTexts(selector);
    assertDifferent(this.inputKey, this.outputKey);
  }

  /**
   * Builds the index `options.name` of the examples and opens it. Examples that are the same in text and output are one row.
   *
   * @throws {FungiError} INVALID_DATA naming the example and the key it lacks; what FungiSelector.build throws
   */
  static async fromExamples(
    examples: readonly Example[],
    options: Omit<BuildOptions, 'examples'> & FungiExampleSelectorOptions,
  ): Promise<FungiExampleSelector> {
    const { inputKey = INPUT, outputKey = OUTPUT } = options;
    // Before an index of this name is replaced.
    assertDifferent(inputKey, outputKey);
    const rows = examples.map((example, i) => rowOf(example, inputKey, outputKey, `example ${i}`));
    const selector = await FungiSelector.build({ ...options, examples: rows });
    return FungiExampleSelector.over(selector, options);
  }

  /** @throws {FungiError} what FungiSelector.open throws */
  static async open(options: OpenOptions & FungiExampleSelectorOptions): Promise<FungiExampleSelector> {
    return FungiExampleSelector.over(await FungiSelector.open(options), options);
  }

  private static async over(
    selector: FungiSelector,
    options: FungiExampleSelectorOptions,
  ): Promise<FungiExampleSelector> {
    try {
      return new FungiExampleSelector({ ...options, selector });
    } catch (error) {
      await selector.close();
      throw error;
    }
  }

  /** Returns the row's id. @throws {FungiError} INVALID_DATA, INVALID_TEXT, INDEX_LOCKED */
  async addExample(example: Example): Promise<string> {
    const row = rowOf(example, this.inputKey, this.outputKey, 'the example');
    await this.selector.add([row]);
    return exampleId(row.input, row.label);
  }

  /**
   * @param variables of the prompt, partial ones included
   * @throws {FungiError} INVALID_ARGUMENT where it is not plain which of them is the query; INVALID_TEXT for one that is blank
   */
  async selectExamples(variables: Readonly<Record<string, unknown>>): Promise<Example[]> {
    return (await this.selectWithScores(variables)).map(({ example }) => example);
  }

  /** {@link selectExamples} with distances. */
  async selectWithScores(variables: Readonly<Record<string, unknown>>): Promise<ScoredExample[]> {
    const { order } = this.options;
    const { examples, explanation } = await this.selector.select(this.queryOf(variables), choiceOf(this.options));
    const scored = examples.map((found, i) => {
      const { id, rank, distance } = found;
      const explained = explanation?.chosen[i];
      return { example: this.exampleOf(found), id, rank, distance, ...(explained && { explained }) };
    });
    return order === 'nearest-last' ? scored.reverse() : scored;
  }

  /** Closes the index. */
  async close(): Promise<void> {
    await this.selector.close();
  }

  private get inputKey(): string {
    return this.options.inputKey ?? INPUT;
  }

  private get outputKey(): string {
    return this.options.outputKey ?? OUTPUT;
  }

  private exampleOf({ input, label, metadata }: SelectedExample): Example {
    const { escapeBraces = false, controlTokens = 'break' } = this.options;
    const written = (value: string): string => {
      const safe = controlTokens === 'keep' ? value : breakControlTokens(value);
      return escapeBraces ? safe.replace(/[{}]/g, '$&$&') : safe;
    };
    const entries = { ...metadata, [this.inputKey]: input, [this.outputKey]: label };
    return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, written(String(value))]));
  }

  private queryOf(variables: Readonly<Record<string, unknown>>): string {
    const keys = Object.keys(variables);
    if (keys.length === 0) {
      throw new FungiError('INVALID_ARGUMENT', 'no variable of the prompt reached the example selector', {
        hint: 'A few-shot template inside a ChatPromptTemplate is given only the variables it declares: write inputVariables: ["…"] in it.',
      });
    }
    const key = this.options.queryKey ?? (keys.includes(this.inputKey) || keys.length > 1 ? this.inputKey : keys[0]!);
    const value = Object.hasOwn(variables, key) ? variables[key] : undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    const found = value === undefined ? 'there is none' : `it is no text but ${describe(value)}`;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `the query is read from the variable "${key}", and ${found}; the variables are ${keys.join(', ')}`,
      { hint: 'Name the variable that holds the text: queryKey.', details: { variables: keys } },
    );
  }
}

const INPUT = 'input';
const OUTPUT = 'output';

/** @throws {FungiError} INVALID_ARGUMENT */
function assertDifferent(inputKey: string, outputKey: string): void {
  if (inputKey !== outputKey) return;
  throw new FungiError('INVALID_ARGUMENT', `inputKey and outputKey are both "${inputKey}"`, {
    hint: 'Name the key of the text and the key of its label.',
  });
}

const describe = (value: unknown): string =>
  Array.isArray(value) ? 'an array' : value === null ? 'null' : typeof value;

/** @throws {FungiError} INVALID_DATA naming the key that is missing */
function rowOf(example: Example, inputKey: string, outputKey: string, where: string): ExampleInput {
  const { [inputKey]: input, [outputKey]: label, ...metadata } = example;
  if (input !== undefined && label !== undefined) return { input, label, metadata };
  const missing = input === undefined ? inputKey : outputKey;
  throw new FungiError(
    'INVALID_DATA',
    `${where} has no "${missing}"; its keys are ${Object.keys(example).join(', ')}`,
    {
      hint: 'Name the keys of text and label: inputKey, outputKey.',
    },
  );
}
