/** Collects what a template writes: texts that join each other, and media between them. */
import { toValue, type Emitter } from 'liquidjs';
import { MediaValue } from './media-value.js';
import type { ContentPart } from './message.js';

export class PartsEmitter implements Emitter {
  /** Text since the last medium. */
  buffer = '';
  private readonly parts: ContentPart[] = [];

  /** As liquidjs's own emitter writes, which knows strings only. */
  write(written: unknown): void {
    const value: unknown = toValue(written);
    if (value instanceof MediaValue) {
      this.closeText();
      this.parts.push(value.part);
    } else if (Array.isArray(value)) {
      for (const each of value) this.write(each);
    } else if (value !== undefined && value !== null) {
      // eslint-disable-next-line @typescript-eslint/no-base-to-string -- what a template writes of an object is its own affair
      this.buffer += String(value);
    }
  }

  /** The text, where it is nothing else; texts of nothing but white space beside media are left out, which some endpoints refuse. */
  content(): string | readonly ContentPart[] {
    if (this.parts.length === 0) return this.buffer;
    this.closeText();
    return this.parts;
  }

  private closeText(): void {
    if (this.buffer.trim() !== '') this.parts.push({ type: 'text', text: this.buffer });
    this.buffer = '';
  }
}
