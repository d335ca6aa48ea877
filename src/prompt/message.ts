/** Turns of a conversation, in the form every OpenAI-compatible endpoint takes. */
import type { Json } from '../core/fingerprint.js';

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** How closely a model is to look at an image: fewer tokens for `low`. */
export type ImageDetail = 'auto' | 'low' | 'high';

/** An image: a base64 `data:` URL, or an address that the server fetches. */
export interface ImagePart {
  readonly type: 'image_url';
  readonly image_url: { readonly url: string; readonly detail?: ImageDetail };
}

/** A sound, in base64. */
export interface AudioPart {
  readonly type: 'input_audio';
  readonly input_audio: { readonly data: string; readonly format: 'wav' | 'mp3' };
}

export type MediaPart = ImagePart | AudioPart;
export type ContentPart = TextPart | MediaPart;

/** One turn. Only users show media: no endpoint takes them from system or assistant. */
export type ChatMessage =
  | { readonly role: 'user'; readonly content: string | readonly ContentPart[] }
  | { readonly role: 'system' | 'assistant'; readonly content: string };

/** The texts of a message, without what lies between them. */
export function textsOf({ content }: ChatMessage): string[] {
  if (typeof content === 'string') return [content];
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
}

export const mediaOf = ({ content }: ChatMessage): MediaPart[] =>
  typeof content === 'string' ? [] : content.filter((part) => part.type !== 'text');

/** What a medium takes of a request: of one inlined its base64, of one referenced its address. Both are ASCII. */
export const bytesOf = (part: MediaPart): number =>
  part.type === 'image_url' ? part.image_url.url.length : part.input_audio.data.length;

/** What tells conversations apart: roles, texts and the media's own data (of a referenced one its address). */
export const messagesKey = (messages: readonly ChatMessage[]): Json =>
  messages.map(({ role, content }) => ({
    role,
    content: typeof content === 'string' ? content : content.map((part) => ({ ...part })),
  }));
