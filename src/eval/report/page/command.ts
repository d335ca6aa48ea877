/** Commands to copy. */
import { html, type Html } from './html.js';

/** Breaks between words only: a browser would break `--losses` after its first hyphen. */
export const commandHtml = (command: string): Html =>
  html`${command.split(' ').map((word, i) => html`${i === 0 ? '' : ' '}<span class="argument">${word}</span>`)}`;
