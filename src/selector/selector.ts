/** The library's front door: an index of labelled examples that picks the ones a prompt should carry. */
import { FungiError } from '../core/errors.js';
import type { Example, ExampleInput, Item } from '../core/item.js';
import { assertText } from '../core/text.js';
import { windows } from '../features/windows.js';
import type { Answer } from '../llm/tally.js';
import type { LlmClient, TokenUsage } from '../llm/client.js';
import { labelOf } from '../llm/label.js';
import { loadTemplate } from '../prompt/load.js';
import { PromptTemplate, type RenderedPrompt } from '../prompt/template.js';
import type { ExactSearch } from '../retrieve/exact-search.js';
import { majorityVote, type Vote } from '../retrieve/vote.js';
import { matches, type Filter } from '../store/filter.js';
import type { Manifest } from '../store/manifest.js';
import type { StoredRow, UpsertCounts, VerifyReport } from '../store/store.js';
import { buildIndex } from './build-index.js';
import { openIndex } from './open-index.js';
import type { OpenedIndex } from './opened-index.js';
import type { BuildOptions, OpenOptions } from './options.js';
import { readRows, withId, withVectors } from './rows.js';

/** A chosen example. */
export interface SelectedExample extends Example {
  /** 1 is the nearest. */
  readonly rank: number;
  /** Euclidean (or 1 − cosine) in the reduced feature space. */
  readonly distance: number;
}

export interface Selection {
  readonly query: Item;
  /** Nearest first; fewer than k when the index or filter leaves fewer. */
  readonly examples: readonly SelectedExample[];
  /** The end of the query did not fit the encoder. */
  readonly truncated: boolean;
}

export interface SelectOptions {
  /** @default 20 */
  readonly k?: number;
  /** Only examples that match take part. */
  readonly filter?: Filter;
}

export interface PromptOptions extends SelectOptions {
  /** Built-in name, path of a file, or a parsed template. @default 'classify-chat' */
  readonly template?: string | PromptTemplate;
  /** The closed list to choose from. @default all labels of the index */
  readonly labels?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

export interface AnswerOptions extends PromptOptions {
  /** Without one, the label is the majority vote of the examples. */
  readonly llm?: LlmClient;
  readonly signal?: AbortSignal;
}

/** What was answered, by whom, and from which examples. */
export interface SelectorAnswer {
  /** Undefined when the reply was none of the labels. */
  readonly label: string | undefined;
  /** Who answered. */
  readonly by: 'llm' | 'vote';
  readonly answer: Exclude<Answer, { kind: 'failed' }>;
  readonly vote: Vote;
  readonly selection: Selection;
  readonly usage?: TokenUsage | undefined;
  readonly cached: boolean;
}

const MAX_K = 1000;

export class FungiSelector {
  private constructor(
    private readonly index: OpenedIndex,
    private rows: readonly Example[],
    private search: ExactSearch,
  ) {}

  /**
   * Builds an index and opens it. A build that was interrupted goes on where it stopped when it is called again with the same
   * examples and settings; an index of the same name is replaced only by a complete one.
   *
   * @throws {FungiError} INVALID_DATA, INVALID_TEXT, INVALID_ARGUMENT, MODEL_NOT_FOUND, INDEX_LOCKED, …
   */
  static async build(options: BuildOptions): Promise<FungiSelector> {
    const opened = await buildIndex(options);
    return FungiSelector.over(opened);
  }

  /** @throws {FungiError} INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_MISMATCH, MODEL_NOT_FOUND */
  static async open(options: OpenOptions): Promise<FungiSelector> {
    return FungiSelector.over(await openIndex(options));
  }

  private static async over(index: OpenedIndex): Promise<FungiSelector> {
    const { rows, search } = await readRows(index);
    return new FungiSelector(index, rows, search);
  }

  /** What the index was made with. */
  get manifest(): Manifest {
    return this.index.manifest;
  }

  /** Rows there are now. */
  get size(): number {
    return this.rows.length;
  }

  /** Labels there are now, in order of first appearance. */
  get labels(): string[] {
    return [...new Set(this.rows.map(({ label }) => label))];
  }

  /**
   * The k nearest examples.
   *
   * @throws {FungiError} INVALID_TEXT for an empty or ill-formed query; INVALID_ARGUMENT for k outside 1 … 1000
   */
  async select(query: Item, options: SelectOptions = {}): Promise<Selection> {
    const [selection] = await this.selectBatch([query], options);
    return selection!;
  }

  /** {@link select} for many queries: views and runs are shared. */
  async selectBatch(queries: readonly Item[], { k = 20, filter }: SelectOptions = {}): Promise<Selection[]> {
    if (!Number.isInteger(k) || k < 1 || k > MAX_K) {
      throw new FungiError('INVALID_ARGUMENT', `k is ${k}: it must be a whole number from 1 to ${MAX_K}`);
    }
    queries.forEach((query, i) => {
      assertText(query, queries.length === 1 ? 'query' : `query ${i}`);
    });
    const { rows, search } = this;
    const allow = filter && ((row: number): boolean => matches(filter, rows[row]!));
    const selections: Selection[] = [];
    for (const { start, end } of windows(queries, this.index.extractor.stringsPerItem)) {
      const window = queries.slice(start, end);
      const { rows: features, truncated } = await this.index.extractor.extract(window);
      const reduced = await this.index.reducer.transform(features);
      const found = await search.search(reduced, k, allow && { allow });
      found.forEach((neighbours, i) => {
        const examples = neighbours.map(({ row, distance }, at) => ({ ...rows[row]!, rank: at + 1, distance }));
        selections.push({ query: window[i]!, examples, truncated: truncated[i]! });
      });
    }
    return selections;
  }

  /** Selects examples and fills a template with them. @throws {FungiError} TEMPLATE_INVALID, and what {@link select} throws */
  async prompt(query: Item, options: PromptOptions = {}): Promise<RenderedPrompt<SelectedExample>> {
    const template = await templateOf(options);
    return this.fill(template, await this.select(query, options), options);
  }

  /** {@link prompt} from a selection that is there already. */
  async promptFrom(selection: Selection, options: PromptOptions = {}): Promise<RenderedPrompt<SelectedExample>> {
    return this.fill(await templateOf(options), selection, options);
  }

  /**
   * Selects, fills the template and asks the LLM; without one, the nearest examples vote.
   *
   * @throws {FungiError} LLM_UNREACHABLE, LLM_RATE_LIMITED, LLM_FAILED, ABORTED, and what {@link prompt} throws
   */
  async answer(query: Item, options: AnswerOptions = {}): Promise<SelectorAnswer> {
    return this.answerFrom(await this.select(query, options), options);
  }

  /** {@link answer} from a selection that is there already: {@link selectBatch} encodes many queries together. */
  async answerFrom(selection: Selection, options: AnswerOptions = {}): Promise<SelectorAnswer> {
    const vote = majorityVote(selection.examples);
    if (options.llm === undefined) {
      return {
        label: vote.label,
        by: 'vote',
        answer: { kind: 'label', label: vote.label },
        vote,
        selection,
        cached: false,
      };
    }
    const template = await templateOf(options);
    const { messages } = this.fill(template, selection, options);
    const completion = await options.llm.complete({ messages, signal: options.signal });
    const { usage, cached } = completion;
    const answer = labelOf(completion, options.labels ?? this.labels);
    const label = answer.kind === 'label' ? answer.label : undefined;
    return { label, by: 'llm', answer, vote, selection, usage, cached };
  }

  private fill(
    template: PromptTemplate,
    selection: Selection,
    { labels, variables }: PromptOptions,
  ): RenderedPrompt<SelectedExample> {
    return template.render({
      query: selection.query,
      examples: selection.examples,
      labels: labels ?? this.labels,
      ...(variables && { variables }),
    });
  }

  /**
   * Adds examples, replacing those whose id is there already. Head, projection and PCA stay those of the build.
   *
   * @throws {FungiError} INVALID_TEXT, INVALID_DATA, INDEX_LOCKED (and nothing is stored)
   */
  async add(examples: readonly ExampleInput[]): Promise<UpsertCounts> {
    const rows = examples.map((example, i) => withId(example, `example ${i}`));
    return this.change(async () => {
      const stored: StoredRow[] = [];
      for (const { start, end } of windows(
        rows.map(({ input }) => input),
        this.index.extractor.stringsPerItem,
      )) {
        const window = rows.slice(start, end);
        const { rows: features } = await this.index.extractor.extract(window.map(({ input }) => input));
        stored.push(...withVectors(window, await this.index.reducer.transform(features), this.index.store.dims));
      }
      return this.index.store.upsert(stored);
    });
  }

  /** Removes examples by id; returns how many there were. */
  async remove(ids: readonly string[]): Promise<number> {
    return this.change(() => this.index.store.delete(ids));
  }

  /** Reads every stored row and compares it with its checksum. */
  async verify(): Promise<VerifyReport> {
    return this.index.store.verify();
  }

  async close(): Promise<void> {
    await this.index.store.close();
    await this.index.engine.close();
  }

  private async change<T>(work: () => Promise<T>): Promise<T> {
    const lock = await this.index.lock();
    try {
      const result = await work();
      const { rows, search } = await readRows(this.index);
      [this.rows, this.search] = [rows, search];
      return result;
    } finally {
      await lock.release();
    }
  }
}

async function templateOf({ template = 'classify-chat' }: PromptOptions): Promise<PromptTemplate> {
  return typeof template === 'string' ? loadTemplate(template) : template;
}
