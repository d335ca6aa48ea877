/**
 * Prompt templates: a file is parsed once, checked whole, and filled once per query. What an example, label or query contains is
 * never read as template text, and never moves a border between examples or messages.
 */
import { FungiError } from '../core/errors.js';
import { assertText } from '../core/text.js';
import {
  approximateTokens,
  DEFAULT_MEDIA_BYTES,
  MEDIA_UNIT,
  exceeded,
  isWithin,
  measurePrompt,
  pack,
} from './budget.js';
import type { Budget, Packing, PromptSize, TokenCounter } from './budget.js';
import { compileFill, type Fill, type PromptInput } from './fill.js';
import type { ChatMessage } from './message.js';
import { parseTemplateFile, type InputValue, type TemplateHeader } from './template-file.js';

export interface PromptExample {
  readonly input: PromptInput;
  readonly label: string;
}

export interface PromptValues<E extends PromptExample = PromptExample> {
  readonly query: PromptInput;
  /** Nearest first, as retrieval returns them; the template's `order` decides how they stand in the prompt. */
  readonly examples: readonly E[];
  /** The closed list to choose from. */
  readonly labels: readonly string[];
  /** Values for the template's inputs. */
  readonly variables?: Readonly<Record<string, InputValue>> | undefined;
  /** Replaces the template's own budget. */
  readonly budget?: Budget | undefined;
  /** Exact token counts of one message's text. @default approximateTokens */
  readonly countTokens?: TokenCounter | undefined;
  /** How the examples stand in the prompt, given nearest first. @default the template's `order` */
  readonly arrange?: ((examples: readonly E[]) => readonly E[]) | undefined;
  /** @default 'drop-farthest' */
  readonly packing?: Packing | undefined;
  /** Places of `examples`, what is to be given up last first. @default nearest first */
  readonly priority?: readonly number[] | undefined;
}

export interface DroppedExample<E> {
  readonly example: E;
  readonly reason: 'max-examples' | 'budget';
}

export interface RenderedPrompt<E extends PromptExample = PromptExample> {
  readonly messages: readonly ChatMessage[];
  /** The examples in the prompt, nearest first. */
  readonly used: readonly E[];
  /** The examples left out, nearest first. */
  readonly dropped: readonly DroppedExample<E>[];
  readonly size: PromptSize;
}

export class PromptTemplate {
  private constructor(
    /** The file it was read from, or the name of a built-in one. */
    readonly name: string,
    private readonly header: TemplateHeader,
    private readonly fill: Fill,
  ) {}

  /**
   * @param name stands for the file in errors
   * @throws {FungiError} TEMPLATE_INVALID on any fault that can be known before the data: header, syntax, unknown variables, members,
   *   filters and tags; the message holds the file's line
   */
  static parse(source: string, name: string): PromptTemplate {
    const file = parseTemplateFile(source, name);
    const fill = compileFill(file);
    rehearse(fill, file.header);
    return new PromptTemplate(name, file.header, fill);
  }

  get mode(): 'chat' | 'text' {
    return this.header.mode;
  }

  get description(): string | undefined {
    return this.header.description;
  }

  /** What the template takes beyond query, labels and examples. */
  get inputs(): TemplateHeader['inputs'] {
    return this.header.inputs;
  }

  /** Takes no more examples than so many. */
  get maxExamples(): number {
    return this.header.maxExamples ?? Infinity;
  }

  /** The template's own limits. */
  get budget(): Budget {
    return { mediaBytes: DEFAULT_MEDIA_BYTES, ...this.header.budget };
  }

  /**
   * Fills the template; the farthest examples are left out first when all do not fit, or, by `packing`, those that are too long.
   *
   * @throws {FungiError} INVALID_TEXT for an empty or ill-formed query, label or example; INVALID_ARGUMENT for no labels, an input
   *   that is missing or unknown, or a budget too small even without examples
   */
  render<E extends PromptExample>(values: PromptValues<E>): RenderedPrompt<E> {
    const { query, examples, labels, budget = this.budget, countTokens = approximateTokens } = values;
    const { packing = 'drop-farthest', priority = [...examples.keys()], arrange = this.arrange } = values;
    checkTexts(query, examples, labels);
    const inputs = this.resolveInputs(values.variables ?? {});

    const fillWith = (places: readonly number[]): { messages: ChatMessage[]; size: PromptSize } => {
      const used = places.toSorted((a, b) => a - b).map((place) => examples[place]!);
      const chosen = arrange(used).map(({ input, label }) => ({ input, label }));
      const messages = this.fill({ query, labels, inputs, examples: chosen });
      return { messages, size: measurePrompt(messages, countTokens) };
    };
    const fitting: ReturnType<typeof fillWith>[] = [];
    const packed = pack(priority, this.maxExamples, packing, (places) => {
      const prompt = fillWith(places);
      const fits = isWithin(prompt.size, budget);
      if (fits) fitting[0] = prompt;
      return fits;
    });
    if (packed === undefined) throw budgetTooSmall(fillWith([]).size, budget, this.name);
    const { taken, tooLong } = packed;
    const isUsed = new Set(taken);
    return {
      ...fitting[0]!, // the last that fitted is the one that was taken
      used: examples.filter((_, i) => isUsed.has(i)),
      dropped: examples.flatMap((example, i): DroppedExample<E>[] => {
        if (isUsed.has(i)) return [];
        return [{ example, reason: tooLong.has(i) ? 'budget' : 'max-examples' }];
      }),
    };
  }

  /** As the header has it. */
  private readonly arrange = <E>(examples: readonly E[]): readonly E[] =>
    this.header.order === 'nearest-last' ? examples.toReversed() : examples;

  /** Refuses what {@link render} would refuse of the variables. @throws {FungiError} INVALID_ARGUMENT */
  checkVariables(variables: Readonly<Record<string, InputValue>>): void {
    this.resolveInputs(variables);
  }

  private resolveInputs(given: Readonly<Record<string, InputValue>>): Record<string, InputValue> {
    const declared = this.header.inputs;
    const names = Object.keys(declared);
    const unknown = Object.keys(given).find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new FungiError('INVALID_ARGUMENT', `template ${this.name} has no input "${unknown}"`, {
        hint: names.length > 0 ? `Its inputs are ${names.join(', ')}.` : 'It takes none.',
      });
    }
    return Object.fromEntries(
      Object.entries(declared).map(([name, { default: fallback }]) => {
        const value = given[name] ?? fallback;
        if (value === undefined) {
          throw new FungiError(
            'INVALID_ARGUMENT',
            `template ${this.name}: input "${name}" has no value and no default`,
            {
              hint: `Give it a value (variables: { ${name}: … }, on the command line --var ${name}=…), or a default in the template's header.`,
            },
          );
        }
        return [name, value];
      }),
    );
  }
}

/** Fills the template with stand-ins, with and without examples: what static analysis cannot see (`example.txt`) fails here. */
function rehearse(fill: Fill, header: TemplateHeader): void {
  const example = { input: 'input', label: 'label' };
  const inputs = Object.fromEntries(
    Object.entries(header.inputs).map(([name, input]) => [name, input.default ?? 'value']),
  );
  for (const examples of [[], [example, example]])
    fill({ query: 'query', labels: ['label', 'other'], examples, inputs });
}

function checkTexts(query: PromptInput, examples: readonly PromptExample[], labels: readonly string[]): void {
  if (labels.length === 0) {
    throw new FungiError('INVALID_ARGUMENT', 'the list of labels is empty: there is nothing to choose from');
  }
  if (!isMedia(query)) assertText(query, 'query');
  labels.forEach((label, i) => {
    assertText(label, `label ${i + 1}`, 'label');
  });
  examples.forEach(({ input, label }, i) => {
    if (!isMedia(input)) assertText(input, `example ${i + 1}`);
    assertText(label, `label of example ${i + 1}`, 'label');
  });
}

/** Anything else is refused as no text, null too. */
const isMedia = (input: PromptInput | null): boolean => typeof input === 'object' && input !== null;

function budgetTooSmall(size: PromptSize, budget: Budget, name: string): FungiError {
  const { unit, has, limit } = exceeded(size, budget)!;
  const hint =
    unit === MEDIA_UNIT
      ? 'Raise the budget (mediaBytes, on the command line --media-bytes), or give a smaller image or a shorter sound.'
      : 'Raise the budget, or shorten the query or the list of labels.';
  return new FungiError(
    'INVALID_ARGUMENT',
    `template ${name}: instructions and query alone take ${has} ${unit}, the budget is ${limit}`,
    { hint, details: { size, budget } },
  );
}
