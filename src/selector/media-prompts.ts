/** Prompts of an index of images or sounds: the query and its examples as parts of the messages. */
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { PromptMediaReader, type PromptMedia } from '../encoders/media/prompt-media.js';
import { DEFAULT_MEDIA_BYTES, type Budget } from '../prompt/budget.js';
import { bytesOf, type MediaPart } from '../prompt/message.js';
import type { DroppedExample, PromptTemplate } from '../prompt/template.js';
import type { MediaOptions, PromptOptions, SelectedExample, Selection, SelectorPrompt } from './selection.js';

/** Longest side of an image, pixels: twenty of them share one prompt. */
const IMAGE_SIDE = 512;

interface PartExample {
  readonly input: MediaPart;
  readonly label: string;
  readonly example: SelectedExample;
}

interface FillOptions {
  readonly labels: readonly string[];
  readonly variables: PromptOptions['variables'] | undefined;
  readonly media: MediaOptions | undefined;
}

export class MediaPrompts {
  private readonly reader = new PromptMediaReader();

  constructor(private readonly modality: Exclude<Modality, 'text'>) {}

  /**
   * The farthest examples are left out first when all do not fit the budget; what lies behind the first that does not is not read.
   *
   * @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA, INVALID_DATA naming the example; INVALID_ARGUMENT for options that are none and
   *   a query beyond the budget; as {@link PromptTemplate.render}
   */
  async fill(
    template: PromptTemplate,
    { query, examples, truncated }: Selection,
    { labels, variables, media = {} }: FillOptions,
  ): Promise<SelectorPrompt> {
    this.check(media);
    const budget = { ...template.budget, ...(media.maxBytes !== undefined && { mediaBytes: media.maxBytes }) };
    const asked = await this.inline(query, media);
    const read = await this.readNearest(examples.slice(0, template.maxExamples), bytesOf(asked), budget, media);
    const rendered = template.render({ query: asked, examples: read, labels, variables, budget });
    const unread = examples.slice(read.length).map((example, i): DroppedExample<SelectedExample> => ({
      example,
      reason: read.length + i < template.maxExamples ? 'budget' : 'max-examples',
    }));
    return {
      ...rendered,
      used: rendered.used.map(({ example }) => example),
      dropped: [...rendered.dropped.map(({ example: { example }, reason }) => ({ example, reason })), ...unread],
      truncated,
    };
  }

  /** The nearest examples up to the first that is beyond the budget, which rendering leaves out. */
  private async readNearest(
    examples: readonly SelectedExample[],
    queryBytes: number,
    { mediaBytes = DEFAULT_MEDIA_BYTES }: Budget,
    media: MediaOptions,
  ): Promise<PartExample[]> {
    const read: PartExample[] = [];
    let bytes = queryBytes;
    for (const example of examples) {
      if (bytes > mediaBytes) break;
      const input = await this.partOf(example, media);
      read.push({ input, label: example.label, example });
      bytes += bytesOf(input);
    }
    return read;
  }

  private async partOf(example: SelectedExample, media: MediaOptions): Promise<MediaPart> {
    const { id, input, metadata } = example;
    if (media.urlKey !== undefined) return imagePart(httpsUrl(id, media.urlKey, metadata[media.urlKey]), media);
    try {
      return await this.inline(input, media);
    } catch (error) {
      if (!FungiError.is(error)) throw error;
      throw new FungiError(error.code, `example "${id}": ${error.message}`, {
        hint: `Put the file back where the index has it, or take the example out of the index (remove(["${id}"]), or build it from data without the example).`,
        details: { ...error.details, id },
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

  private check({ imageSide, imageDetail, urlKey, maxBytes }: MediaOptions): void {
    assertCount(imageSide, 'imageSide');
    assertCount(maxBytes, 'maxBytes');
    const forImages = Object.entries({ imageSide, imageDetail, urlKey }).find(([, value]) => value !== undefined)?.[0];
    if (this.modality === 'image' || forImages === undefined) return;
    throw new FungiError('INVALID_ARGUMENT', `media.${forImages} was given, and the index holds sounds`, {
      hint: 'Leave it out: endpoints take sounds whole, and no address of one.',
    });
  }
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const dataUrl = ({ type, bytes }: PromptMedia): string => `data:${type};base64,${base64(bytes)}`;

const imagePart = (url: string, { imageDetail: detail }: MediaOptions): MediaPart => ({
  type: 'image_url',
  image_url: { url, ...(detail !== undefined && { detail }) },
});

/** @throws {FungiError} INVALID_DATA */
function httpsUrl(id: string, key: string, value: unknown): string {
  if (typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === 'https:') return value;
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, no https address`;
  throw new FungiError('INVALID_DATA', `example "${id}": metadata "${key}" ${found}`, {
    hint: 'Build the index from data that have the address in every row, or send the images themselves (no urlKey, on the command line no --media-url-key).',
    details: { id, key },
  });
}

/** @throws {FungiError} INVALID_ARGUMENT */
function assertCount(value: number | undefined, name: string): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new FungiError('INVALID_ARGUMENT', `media.${name} is ${value}: it must be a whole number from 1`);
}
