/** How images and sounds stand in the prompts of `prompt` and `answer`, and what is said of them. */
import { Option, type Command } from 'commander';
import { DEFAULT_MEDIA_BYTES, type PromptSize } from '../prompt/budget.js';
import { bytesOf, type ChatMessage, type ContentPart, type ImageDetail } from '../prompt/message.js';
import type { MediaOptions } from '../selector/selector.js';
import type { PromptCounts } from './answer-batch.js';
import type { Context } from './context.js';
import { whole } from './options.js';
import { bytes, counted } from './output.js';

export interface MediaFlags {
  readonly imageSide?: number;
  readonly imageDetail?: ImageDetail;
  readonly mediaUrlKey?: string;
  readonly mediaBytes?: number;
}

const DETAILS = ['auto', 'low', 'high'] as const satisfies readonly ImageDetail[];

export const addMediaOptions = (command: Command): Command =>
  command
    .option('--image-side <pixels>', 'longest side of an image in the prompt (default: 512)', whole(1, 16_384))
    .addOption(
      new Option('--image-detail <kind>', "how closely the LLM is to look at images (default: the endpoint's)").choices(
        DETAILS,
      ),
    )
    .option(
      '--media-url-key <key>',
      "metadata key with the https address of an example's image, sent in place of the image",
    )
    .option(
      '--media-bytes <count>',
      `budget of a prompt's images or sounds, base64 included; the farthest examples are left out (default: the template's, else ${DEFAULT_MEDIA_BYTES})`,
      whole(1),
    );

/** Only what was given, so that a text index refuses it and others have their defaults. */
export function mediaOptions({ imageSide, imageDetail, mediaUrlKey, mediaBytes }: MediaFlags): {
  readonly media: MediaOptions;
} {
  return {
    media: {
      ...(imageSide !== undefined && { imageSide }),
      ...(imageDetail !== undefined && { imageDetail }),
      ...(mediaUrlKey !== undefined && { urlKey: mediaUrlKey }),
      ...(mediaBytes !== undefined && { maxBytes: mediaBytes }),
    },
  };
}

/** One message as it is; a conversation with its roles. Media are shown by their beginning and size. */
export function showMessages(messages: readonly ChatMessage[]): string {
  const texts = messages.map(({ content }) =>
    typeof content === 'string' ? content : content.map(showPart).join('').trim(),
  );
  if (messages.length === 1) return texts[0]!;
  return messages.map(({ role }, i) => `[${role}]\n${texts[i]!}`).join('\n\n');
}

/** Characters of a data URL that are shown: its type, and the first bytes. */
const HEAD = 40;

function showPart(part: ContentPart): string {
  if (part.type === 'text') return part.text;
  const size = bytes(bytesOf(part));
  if (part.type === 'input_audio') {
    const { format, data } = part.input_audio;
    return `[${format} sound ${data.slice(0, HEAD - 20)}… (${size})]`;
  }
  const { url } = part.image_url;
  return url.startsWith('data:') ? `[image ${url.slice(0, HEAD)}… (${size})]` : `[image ${url}]`;
}

/** What prompts hold beside text; undefined where there is nothing. */
export function mediaLine(sizes: readonly PromptSize[]): string | undefined {
  const sum = (of: (size: PromptSize) => number): number => sizes.reduce((total, size) => total + of(size), 0);
  const parts = sum(({ media }) => media?.parts ?? 0);
  if (parts === 0) return undefined;
  const taken = bytes(sum(({ media }) => media?.bytes ?? 0));
  return `${counted(sizes.length, 'prompt')}: about ${sum(({ tokens }) => tokens)} tokens of text; ${parts} images or sounds (${taken}), which no token is counted for`;
}

/** Says how many examples the limits of the template and of the prompt left out. */
export function warnOfDropped(prompts: readonly Pick<PromptCounts, 'used' | 'dropped'>[], { log }: Context): void {
  const short = prompts.filter(({ dropped }) => dropped > 0);
  if (short.length === 0) return;
  const left = short.reduce((sum, { dropped }) => sum + dropped, 0);
  const of = short.reduce((sum, { used, dropped }) => sum + used + dropped, 0);
  const where = prompts.length === 1 ? 'the prompt' : `their prompts (${short.length} of ${prompts.length})`;
  log.warn(`${left} of ${of} examples did not fit ${where}`);
}
