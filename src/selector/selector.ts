/** The library's front door: an index of labelled examples that picks the ones a prompt should carry. */
import { FungiError } from '../core/errors.js';
import type { ExampleInput, Item, Modality } from '../core/item.js';
import { asPhase } from '../core/phases.js';
import type { OnProgress } from '../core/progress.js';
import { assertText } from '../core/text.js';
import type { HealthOptions, HealthReport } from '../health/pool-health.js';
import { labelOf } from '../llm/label.js';
import { loadTemplate } from '../prompt/load.js';
import { parsePolicy } from '../policies/options.js';
import type { PromptTemplate } from '../prompt/template.js';
import { majorityVote } from '../retrieve/vote.js';
import type { Manifest } from '../store/manifest.js';
import type { StoredRow, VerifyReport } from '../store/store.js';
import { buildIndex } from './build-index.js';
import { assertItems, rowsOf, type EmbeddedItems, type Embedder, type EmbedOptions } from './embedder.js';
import { withSplits } from './block-splits.js';
import { calibrate, type CalibratedPolicy, type CalibrateOptions } from './calibrate.js';
import { LoadedRows } from './loaded-rows.js';
import { refuseMediaOptions } from './media-options.js';
import type { ExampleSource, MediaPrompts } from './media-prompts.js';
import type { Featurizer } from './featurizer.js';
import { openFeaturizer, type LocatedIndex } from './open-featurizer.js';
import { openIndex } from './open-index.js';
import type { OpenedIndex } from './opened-index.js';
import { rollbackIndex, type Rollback } from './generations.js';
import type { BuildOptions, IndexPlace, OpenOptions, RefitOptions } from './options.js';
import { healthOf } from './pool-health.js';
import { offeredLabels, placementOf, votedAnswer, votersOf } from './policy-use.js';
import { withId, withVectors } from './rows.js';
import { refitIndex } from './refit-index.js';
import { selectAmong } from './select-among.js';
import type {
  AddCounts,
  AnswerOptions,
  PromptOptions,
  SelectedExample,
  Selection,
  SelectOptions,
  SelectorAnswer,
  SelectorPrompt,
} from './selection.js';
import { chosenIn, spacesOf, type Spaces } from './spaces.js';

export type * from './selection.js';

const MAX_K = 1000;

const INDEX: ExampleSource<SelectedExample> = {
  name: 'the index',
  nameOf: ({ id }) => `example "${id}"`,
  wayOut: ({ id }) =>
    `Put the file back where the index has it, or take the example out of the index (remove(["${id}"]), or build it from data without the example).`,
};

export class FungiSelector implements Embedder {
  /** Settles when the changes called so far are made; never rejects. */
  private changes: Promise<unknown> = Promise.resolve();
  /** Made for the first prompt of an index of images or sounds. */
  private media: Promise<MediaPrompts<SelectedExample>> | undefined;

  private readonly spaces: Spaces;

  private constructor(
    private readonly index: OpenedIndex,
    private rows: LoadedRows,
  ) {
    this.spaces = spacesOf(index.manifest);
  }

  /**
   * Builds an index and opens it. A build that was interrupted goes on where it stopped when it is called again with the same
   * examples and settings; an index of the same name is replaced only by a complete one.
   *
   * @throws {FungiError} INVALID_DATA, INVALID_TEXT, INVALID_ARGUMENT, MODEL_NOT_FOUND, INDEX_LOCKED, INDEX_EXISTS (with
   * `ifExists: 'refuse'`), …
   */
  static async build(options: BuildOptions): Promise<FungiSelector> {
    const opened = await buildIndex(options);
    return FungiSelector.over(opened);
  }

  /**
   * Fits the reduction anew (of auto also chooses) on the rows that the index holds now: what building an index of them with its settings
   * gives. The index stays readable, and unwritable, meanwhile, and is kept as the previous generation. An interrupted refit goes on
   * where it stopped as long as the rows are the same. With `ifUnchanged: 'leave'` an index of the examples that it was built of is only opened.
   *
   * @throws {FungiError} INDEX_NOT_FOUND, INDEX_LOCKED, INDEX_CORRUPT, INDEX_MISMATCH for another model, INVALID_DATA for an index
   * without rows, …
   */
  static async refit(options: RefitOptions): Promise<FungiSelector> {
    const refitted = await refitIndex(options);
    return refitted === undefined ? FungiSelector.open(options) : FungiSelector.over(refitted);
  }

  /**
   * Puts the previous generation of an index in its place, and keeps the present one in that of the previous: twice is as never.
   * Selectors that are open go on with what they have, and refuse changes.
   *
   * @throws {FungiError} INDEX_NOT_FOUND where none is kept; INDEX_CORRUPT when it is damaged; INDEX_LOCKED, STORAGE_FAILED
   */
  static async rollback(place: IndexPlace): Promise<Rollback> {
    return rollbackIndex(place);
  }

  /**
   * @param featurizer opens what computes features, when that is not to be this process
   * @throws {FungiError} INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_MISMATCH, MODEL_NOT_FOUND
   */
  static async open(
    options: OpenOptions,
    featurizer: (options: OpenOptions, located: LocatedIndex) => Promise<Featurizer> = openFeaturizer,
  ): Promise<FungiSelector> {
    return FungiSelector.over(await openIndex(options, featurizer));
  }

  private static async over(index: OpenedIndex): Promise<FungiSelector> {
    try {
      return new FungiSelector(index, await LoadedRows.load(index.store, spacesOf(index.manifest).metric));
    } catch (error) {
      await index.store.close();
      await index.featurizer.close();
      throw error;
    }
  }

  /** Of the index. */
  get name(): string {
    return this.index.manifest.name;
  }

  /** What its encoder reads. */
  get modality(): Modality {
    return this.index.featurizer.modality;
  }

  /** P, the length of a feature. */
  get dims(): number {
    return this.index.store.dims;
  }

  /** What the index was made with. */
  get manifest(): Manifest {
    return this.index.manifest;
  }

  /** Rows there are now. */
  get size(): number {
    return this.rows.size;
  }

  /** Labels there are now, in order of first appearance. */
  get labels(): string[] {
    return [...this.rows.labels];
  }

  /**
   * The k nearest examples, or those that the policy chooses.
   *
   * @throws {FungiError} INVALID_TEXT for an empty or ill-formed query; INVALID_ARGUMENT for k outside 1 … 1000, and for a policy that is none;
   *   FILE_NOT_FOUND, INVALID_MEDIA, INVALID_DATA naming a chosen example that is to be explained by block and is not what was stored
   */
  async select(query: Item, options: SelectOptions = {}): Promise<Selection> {
    const [selection] = await this.nearest([query], options);
    return selection!;
  }

  /** {@link select} for many queries: views and runs are shared, and all see the same rows. */
  async selectBatch(queries: readonly Item[], options: SelectOptions = {}): Promise<Selection[]> {
    return this.nearest(queries, options, this.index.onProgress);
  }

  private async nearest(queries: readonly Item[], given: SelectOptions, onProgress?: OnProgress): Promise<Selection[]> {
    const { k = 20, filter, policy: options, explain = false, maxCandidates = Infinity } = given;
    const { signal, includeVector = false } = given;
    if (!Number.isInteger(k) || k < 1 || k > MAX_K) {
      throw new FungiError('INVALID_ARGUMENT', `k is ${k}: it must be a whole number from 1 to ${MAX_K}`);
    }
    const policy = options !== undefined || explain !== false ? parsePolicy(options ?? {}, k) : undefined;
    queries.forEach((query, i) => {
      assertText(query, queries.length === 1 ? 'query' : `query ${i}`);
    });
    const { featurizer } = this.index;
    const { vectors, truncated } = await featurizer.featurize(queries, { stage: 'queries', onProgress, signal });
    const { rows, spaces } = this;
    const among = { rows, spaces, metric: this.index.manifest.metric, modality: this.modality };
    const found = await asPhase('search', { queries: queries.length, k }, () =>
      selectAmong(among, { queries, vectors, k, filter, policy, explain: explain !== false, maxCandidates }),
    );
    const space = chosenIn(spaces, policy);
    const split = { featurizer, rows, space, metric: spaces.metric, onProgress, signal };
    const explained = explain === 'blocks' ? await withSplits(queries, found, split) : found;
    return explained.map((selected, i) => ({
      query: queries[i]!,
      ...selected,
      truncated: truncated[i]!,
      ...(includeVector && { vector: vectors.slice(i * this.dims, (i + 1) * this.dims) }),
    }));
  }

  /**
   * The features that the index stores, [n][P], to be compared as its manifest says: by Euclidean distance or by cosine. PCA centred
   * them, so that they have no common length; a blend has its parts at equal shares.
   *
   * @throws {FungiError} INVALID_TEXT naming the item by its place
   */
  async embed(items: readonly Item[], { signal }: EmbedOptions = {}): Promise<EmbeddedItems> {
    assertItems(items);
    const { featurizer, onProgress } = this.index;
    const { vectors, truncated } = await featurizer.featurize(items, { stage: 'items', onProgress, signal });
    return { vectors: rowsOf(vectors, this.dims), truncated };
  }

  /**
   * Measures how often the likeliest label is right, and what confidence to ask for: on labelled `examples` that the index does not have; without
   * them on those that its build held out, where it chose for itself, or, where its reduction knows no label, on its own, each being a query to all
   * others. What it returns goes into a policy:
   * `{ calibration, abstain: { below: abstention.threshold } }`.
   *
   * @throws {FungiError} INVALID_ARGUMENT, also where `examples` are needed; INVALID_TEXT naming one of them by its place
   */
  async calibrate(options: CalibrateOptions = {}): Promise<CalibratedPolicy> {
    return calibrate(this.rows, this.index, this.spaces, options);
  }

  /**
   * What is wrong with the examples, and what would help: duplicates, doubtful labels, examples that nobody finds, labels that need more of
   * them; with `unlabelled` items what to label next, with `queries` whether these look like the examples.
   *
   * @throws {FungiError} INVALID_ARGUMENT for an option that is none, and fewer than two examples; INVALID_TEXT naming the item by its place; ABORTED
   */
  async health(options: HealthOptions & EmbedOptions = {}): Promise<HealthReport> {
    return healthOf(this.rows, this.index, this.spaces, options);
  }

  /**
   * Selects examples and fills a template with them.
   *
   * @throws {FungiError} TEMPLATE_INVALID; FILE_NOT_FOUND, INVALID_MEDIA naming the example whose image or sound is missing or damaged;
   *   INVALID_ARGUMENT for a query beyond the budget; what {@link select} throws
   */
  async prompt(query: Item, options: PromptOptions = {}): Promise<SelectorPrompt> {
    const template = await templateOf(options);
    return this.fill(template, await this.select(query, options), options);
  }

  /** {@link prompt} from a selection that is there already. */
  async promptFrom(selection: Selection, options: PromptOptions = {}): Promise<SelectorPrompt> {
    return this.fill(await templateOf(options), selection, options);
  }

  /**
   * Selects, fills the template and asks the LLM; without one, the nearest examples vote.
   *
   * @throws {FungiError} INVALID_ARGUMENT when the filter leaves no example; LLM_UNREACHABLE, LLM_RATE_LIMITED, LLM_FAILED, ABORTED,
   * and what {@link prompt} throws
   */
  async answer(query: Item, options: AnswerOptions = {}): Promise<SelectorAnswer> {
    return this.answerFrom(await this.select(query, options), options);
  }

  /** {@link answer} from a selection that is there already: {@link selectBatch} encodes many queries together. */
  async answerFrom(selection: Selection, options: AnswerOptions = {}): Promise<SelectorAnswer> {
    const vote = majorityVote(votersOf(selection));
    if (options.llm === undefined) {
      const answer = votedAnswer(selection, vote);
      const label = answer.kind === 'label' ? answer.label : undefined;
      return { label, by: 'vote', answer, vote, selection, cached: false };
    }
    const labels = offeredLabels(selection, options.labels ?? this.labels); // once: they may change before the LLM answers
    const template = await templateOf(options);
    const { messages, size, used, dropped } = await this.fill(template, selection, { ...options, labels });
    const completion = await options.llm.complete({ messages, signal: options.signal });
    const { usage, cached } = completion;
    const answer = labelOf(completion, labels);
    const label = answer.kind === 'label' ? answer.label : undefined;
    return { label, by: 'llm', answer, vote, selection, usage, prompt: { size, used, dropped }, cached };
  }

  private async fill(
    template: PromptTemplate,
    selection: Selection,
    { labels = this.labels, variables, media, budget, countTokens }: PromptOptions,
  ): Promise<SelectorPrompt> {
    const { query, examples, truncated } = selection;
    const { modality } = this;
    const values = {
      ...{ labels: offeredLabels(selection, labels), variables, budget, countTokens },
      ...placementOf(selection),
    };
    if (modality === 'text') {
      refuseMediaOptions(media, INDEX.name, modality);
      return { ...template.render<SelectedExample>({ query, examples, ...values }), truncated };
    }
    this.media ??= import('./media-prompts.js').then(({ MediaPrompts }) => new MediaPrompts(modality, INDEX));
    const prompts = await this.media;
    return { ...(await prompts.fill(template, selection, { ...values, media })), truncated };
  }

  /**
   * Adds examples, replacing those whose id is there already. Head, projection and PCA stay those of the build. How many were
   * longer than the encoder reads is told to the `log` of the options, too.
   *
   * @throws {FungiError} INVALID_TEXT, INVALID_DATA, INDEX_LOCKED, and INDEX_MISMATCH when another build took the index's place (and
   * nothing is stored)
   */
  async add(examples: readonly ExampleInput[], { signal }: EmbedOptions = {}): Promise<AddCounts> {
    const { store, featurizer, onProgress, log } = this.index;
    const added = examples.map((example, i) => withId(example, `example ${i}`));
    const inputs = added.map(({ input }) => input);
    const { vectors, truncated } = await featurizer.featurize(inputs, { stage: 'features', onProgress, signal });
    const rows = withVectors(added, vectors, store.dims);
    const counts = await this.change(
      () => store.upsert(rows),
      (version) => {
        this.rows.upsert(rows, version);
      },
    );
    const cut = truncated.filter(Boolean).length;
    if (cut > 0)
      log.warn(`${cut} of ${added.length} examples are longer than the encoder reads: their ends were not seen`);
    return { ...counts, truncated: cut };
  }

  /** The example of an id and its feature [P], which queries are compared with; undefined where there is none. */
  get(id: string): StoredRow | undefined {
    return this.rows.find(id);
  }

  /** Removes examples by id; returns how many there were. */
  async remove(ids: readonly string[]): Promise<number> {
    return this.change(
      () => this.index.store.delete(ids),
      (version) => {
        this.rows.remove(ids, version);
      },
    );
  }

  /** Reads every stored row and compares it with its checksum. */
  async verify(): Promise<VerifyReport> {
    return this.index.store.verify();
  }

  async close(): Promise<void> {
    await this.changes;
    await this.index.store.close();
    await this.index.featurizer.close();
  }

  /**
   * One change at a time, here and, by the lock, in all processes. The lock is held for the write alone.
   *
   * @param follow does to the rows in memory what was written, so that the table need not be read again
   */
  private change<T>(write: () => Promise<T>, follow: (version: number) => void): Promise<T> {
    const turn = this.changes.then(() => this.locked(write, follow));
    this.changes = turn.catch(() => undefined);
    return turn;
  }

  private async locked<T>(write: () => Promise<T>, follow: (version: number) => void): Promise<T> {
    const lock = await this.index.lock();
    let result: T;
    try {
      result = await this.written(write, follow).finally(() => lock.release());
    } catch (error) {
      await this.catchUp().catch(() => undefined);
      throw error;
    }
    await this.catchUp();
    return result;
  }

  private async written<T>(write: () => Promise<T>, follow: (version: number) => void): Promise<T> {
    const { store } = this.index;
    const isKnown = (await store.version()) === this.rows.version;
    const result = await write();
    if (isKnown) follow(await store.version());
    return result;
  }

  /** Takes up what other processes have changed since, if anything. @throws {FungiError} INDEX_CORRUPT, INDEX_MISMATCH, STORAGE_FAILED */
  refresh(): Promise<void> {
    const turn = this.changes.then(() => this.catchUp());
    this.changes = turn.catch(() => undefined);
    return turn;
  }

  /** Reads the table again when it holds rows that this process does not know of. */
  private async catchUp(): Promise<void> {
    const { store } = this.index;
    if ((await store.version()) !== this.rows.version) this.rows = await LoadedRows.load(store, this.spaces.metric);
  }
}

async function templateOf({ template = 'classify-chat' }: PromptOptions): Promise<PromptTemplate> {
  return typeof template === 'string' ? loadTemplate(template) : template;
}
