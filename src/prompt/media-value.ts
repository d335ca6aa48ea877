import type { MediaPart } from './message.js';

/**
 * An image or a sound among a template's values. Written alone, as `{{ example.input }}`, it becomes a part of the message; whatever
 * would make text of it, a filter or `capture`, fails.
 */
export class MediaValue {
  // Truly private: a template cannot print its data by a member's name.
  readonly #part: MediaPart;

  constructor(part: MediaPart) {
    this.#part = part;
  }

  get part(): MediaPart {
    return this.#part;
  }

  toString(): never {
    throw new Error(
      'an image or a sound cannot be made text of: write its variable alone, as {{ query }} or {{ example.input }}, in a user message',
    );
  }

  toJSON(): never {
    return this.toString();
  }
}
