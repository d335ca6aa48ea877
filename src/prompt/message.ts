/** One turn of a conversation, in the form every OpenAI-compatible endpoint takes. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}
