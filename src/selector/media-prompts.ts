/** Prompts of an index of images or sounds: the query and its examples as parts of the messages. */
import { FungiError } from '../core/errors.js';
import type { Example, Item, Metadata, Modality } from '../core/item.js';
import { PromptMediaReader, type PromptMedia } from '../encoders/media/prompt-media.js';
import { DEFAULT_MEDIA_BYTES, type Budget, type Packing } from '../prompt/budget.js';
import { bytesOf, type MediaPart } from '../prompt/message.js';
import type { DroppedExample, PromptTemplate, PromptValues, RenderedPrompt } from '../prompt/template.js';
import { assertCounts, refuseMediaOptions } from './media-options.js';
import type { MediaOptions } from './selection.js';

/** Longest side of an image, pixels: twenty of them share one prompt. */
const IMAGE_SIDE = 512;

/** An example whose input is an image or a sound. */
export interface MediaExample extends Pick<Example, 'input' | 'label'> {
  readonly metadata?: Metadata | undefined;
}

/** Where the examples come from, for messages about one of them. */
export interface ExampleSource<E> {
  /** "the index" */
  readonly name: string;
  /** What an example is called. */
  readonly nameOf: (example: E) => string;
  /** What to do about one whose file is missing or damaged. */
  readonly wayOut: (example: E) => string;
}

interface FillOptions<E> extends Pick<PromptValues, 'labels' | 'variables' | 'countTokens' | 'packing' | 'priority'> {
  /** Replaces the template's own limits, each that it names. */
  readonly budget?: Budget | undefined;
  readonly arrange?: ((examples: readonly E[]) => readonly E[]) | undefined;
  readonly media: MediaOptions | undefined;
}

interface ReadExample<E> {
  readonly input: MediaPart;
  readonly label: string;
  readonly example: E;
}

export class MediaPrompts<E extends MediaExample> {
  private readonly reader = new PromptMediaReader();

  constructor(
    private readonly modality: Exclude<Modality, 'text'>,
    private readonly source: ExampleSource<E>,
  ) {}

  /**
   * What is left out first, when all do not fit the budget, is not read: by default the farthest, behind the first that does not fit.
   *
   * @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA, INVALID_DATA naming the example; INVALID_ARGUMENT for options that are none and
   *   a query beyond the budget; as {@link PromptTemplate.render}
   */
  async fill(
    template: PromptTemplate,
    { query, examples }: { readonly query: Item; readonly examples: readonly E[] },
    { media = {}, arrange, packing = 'drop-farthest', priority = [...examples.keys()], ...values }: FillOptions<E>,
  ): Promise<RenderedPrompt<E>> {
    this.check(media);
    const budget = {
      ...(values.budget ?? template.budget),
      ...(media.maxBytes !== undefined && { mediaBytes: media.maxBytes }),
    };
    const asked = await this.inline(query, media);
    const wanted = packing === 'skip-long' ? priority : priority.slice(0, template.maxExamples);
    const within = { queryBytes: bytesOf(asked), budget, packing };
    const parts = await this.read(
      wanted.map((place) => examples[place]!),
      within,
      media,
    );
    const read = parts.map((part, i) => ({ ...part, place: wanted[i]! })).sort((a, b) => a.place - b.place);
    const at = new Map(read.map(({ place }, i) => [place, i]));
    const rendered = template.render<ReadExample<E> & { readonly place: number }>({
      ...{ ...values, query: asked, examples: read, budget, packing },
      priority: priority.flatMap((place) => at.get(place) ?? []),
      arrange: arrange && ((used) => arrangedLike(used, arrange)),
    });
    const dropped = new Map(rendered.dropped.map(({ example: { place }, reason }) => [place, reason]));
    priority.slice(read.length).forEach((place, i) => {
      dropped.set(place, read.length + i < template.maxExamples ? 'budget' : 'max-examples');
    });
    return {
      ...rendered,
      used: rendered.used.map(({ example }) => example),
      dropped: examples.flatMap((example, place): DroppedExample<E>[] => {
        const reason = dropped.get(place);
        return reason === undefined ? [] : [{ example, reason }];
      }),
    };
  }

  /** The examples up to the first that is beyond the budget, which rendering leaves out; all of them where one behind it may fit. */
  private async read(
    examples: readonly E[],
    {
      queryBytes,
      budget,
      packing,
    }: { readonly queryBytes: number; readonly budget: Budget; readonly packing: Packing },
    media: MediaOptions,
  ): Promise<ReadExample<E>[]> {
    const { mediaBytes = DEFAULT_MEDIA_BYTES } = budget;
    const read = [];
    let bytes = queryBytes;
    for (const example of examples) {
      if (bytes > mediaBytes && packing === 'drop-farthest') break;
      const input = await this.partOf(example, media);
      read.push({ input, label: example.label, example });
      bytes += bytesOf(input);
    }
    return read;
  }

  private async partOf(example: E, media: MediaOptions): Promise<MediaPart> {
    const { urlKey } = media;
    if (urlKey !== undefined) return imagePart(this.httpsUrl(example, urlKey), media);
    try {
      return await this.inline(example.input, media);
    } catch (error) {
      if (!FungiError.is(error)) throw error;
      throw new FungiError(error.code, `${this.source.nameOf(example)}: ${error.message}`, {
        hint: this.source.wayOut(example),
        details: { ...error.details, example: this.source.nameOf(example) },
        cause: error,
      });
    }
  }

  private async inline(item: Item, media: MediaOptions): Promise<MediaPart> {
    if (this.modality === 'audio') {
      const { type, bytes } = await this.reader.sound(item);
      const format = type === 'audio/mpeg' ? 'mp3' : 'wav';
      return { type: 'input_audio', input_audio: { data: base64(bytes), format } };
    }
    return imagePart(dataUrl(await this.reader.image(item, media.imageSide ?? IMAGE_SIDE)), media);
  }

  private check(media: MediaOptions): void {
    assertCounts(media);
    const { imageSide, imageDetail, urlKey } = media;
    if (this.modality === 'audio') refuseMediaOptions({ imageSide, imageDetail, urlKey }, this.source.name, 'audio');
  }

  /** @throws {FungiError} INVALID_DATA */
  private httpsUrl(example: E, key: string): string {
    const value = example.metadata?.[key];
    if (typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === 'https:') return value;
    const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, no https address`;
    throw new FungiError('INVALID_DATA', `${this.source.nameOf(example)}: metadata "${key}" ${found}`, {
      hint: 'Give data that have the address in every row, or send the images themselves (no urlKey, on the command line no --media-url-key).',
      details: { example: this.source.nameOf(example), key },
    });
  }
}

/** Parts in the order in which their examples are arranged. */
function arrangedLike<E, P extends { readonly example: E }>(
  parts: readonly P[],
  arrange: (examples: readonly E[]) => readonly E[],
): P[] {
  const byExample = new Map(parts.map((part) => [part.example, part]));
  return arrange(parts.map(({ example }) => example)).map((example) => byExample.get(example)!);
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const dataUrl = ({ type, bytes }: PromptMedia): string => `data:${type};base64,${base64(bytes)}`;

const imagePart = (url: string, { imageDetail: detail }: MediaOptions): MediaPart => ({
  type: 'image_url',
  image_url: { url, ...(detail !== undefined && { detail }) },
});
