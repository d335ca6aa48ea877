/** Conversations as chat APIs have them, reduced to what examples are found and placed by. */

/** A message as any API has it. */
export interface Turn {
  /** `other` is left alone, as `tool` is. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'other';
  /** Its texts, joined by line breaks; empty where it has none, as of an image alone. */
  readonly text: string;
  /** Ids of the tool calls it makes. */
  readonly toolCalls: readonly string[];
}

/** How one API writes messages. */
export interface ChatFormat<M extends object> {
  read(message: M): Turn;
  write(role: 'system' | 'user' | 'assistant', text: string): M;
  /** A copy whose texts are replaced by `text`; images, files and all else stay. */
  withText(message: M, text: string): M;
}

/** Place and text of the query: the last message of a user. Undefined where that one has no visible text, or there is none. */
export function findQuery(turns: readonly Turn[]): { readonly at: number; readonly text: string } | undefined {
  const at = turns.findLastIndex(({ role }) => role === 'user');
  const text = turns[at]?.text ?? '';
  return text.trim() === '' ? undefined : { at, text };
}

/** `messages` with a system message more, behind those that they begin with. */
export function withSystem<M extends object>(
  format: ChatFormat<M>,
  messages: readonly M[],
  system: string | undefined,
): M[] {
  if (system === undefined) return [...messages];
  const first = messages.findIndex((message) => format.read(message).role !== 'system');
  return messages.toSpliced(first === -1 ? messages.length : first, 0, format.write('system', system));
}

interface Part {
  readonly type: string;
}
interface TextPart extends Part {
  readonly type: 'text';
  readonly text: string;
}

export const isTextPart = (part: unknown): part is TextPart =>
  typeof part === 'object' &&
  part !== null &&
  'type' in part &&
  part.type === 'text' &&
  'text' in part &&
  typeof part.text === 'string';

/** The texts of a message's content, a string or parts, joined by line breaks. */
export function textOfContent(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts = content.map((part: unknown) =>
    typeof part === 'string' ? part : isTextPart(part) ? part.text : undefined,
  );
  return texts.filter((text) => text !== undefined).join('\n');
}

/** Parts with `text` where the first text stood, and no other text. A text may be a bare string, as some APIs let it. */
export function replaceText<P>(parts: readonly P[], text: string): P[] {
  const isText = (part: unknown): boolean => typeof part === 'string' || isTextPart(part);
  const first = parts.findIndex(isText);
  const written = (part: P): P => (typeof part === 'string' ? (text as P) : { ...part, text });
  return parts.flatMap((part, i) => (i === first ? [written(part)] : isText(part) ? [] : [part]));
}
