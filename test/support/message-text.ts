import type { ChatMessage } from '../../src/prompt/message.js';

/** What a message of text alone holds; of one with media it fails. */
export function textOf(message: ChatMessage | undefined): string {
  if (typeof message?.content !== 'string') throw new Error('the message holds more than text');
  return message.content;
}
