/** From a model's reply to a label of the closed list, or to the plain statement that it is none. */
import { breakControlTokens } from '../prompt/control-tokens.js';

export type ParsedLabel =
  | { readonly kind: 'label'; readonly label: string }
  /** The reply is not in the list. It is never mapped to a near label: that would hide how often the model leaves the list. */
  | {
      readonly kind: 'invalid';
      readonly reply: string;
      /** The reply was cut off (`length`, `content_filter`), so that what is there says nothing, even where it equals a label. */
      readonly cut?: string;
    };

/** Reasons with which an endpoint ends a reply that is not whole. */
const CUT = ['length', 'content_filter'];

/** The label that a completion gives: {@link parseLabel}, unless the reply was cut off. */
export function labelOf(
  { text, finishReason }: { readonly text: string; readonly finishReason: string },
  labels: readonly string[],
): ParsedLabel {
  return CUT.includes(finishReason) ? { kind: 'invalid', reply: text, cut: finishReason } : parseLabel(text, labels);
}

/**
 * Takes a reply as a label when it equals one exactly, else after removing, step by step, what models wrap an answer in: white space,
 * a leading `Label:` or `Class:` (any case), one trailing period, one pair of quotes ("…", '…', “…”, ‘…’, «…») or backticks.
 * Only then is case ignored (and Unicode composition, NFC), and only where a single label fits. The least altered form wins, so a
 * label that itself has quotes, a period or a prefix is found as it is. In both steps a label that holds a chat format's control token
 * is also found in the form in which the prompt shows it (`< s>` for `<s>`).
 *
 * @example
 * parseLabel(' "Card_Arrival". ', ['card_arrival', 'card_linking'])  // { kind: 'label', label: 'card_arrival' }
 * parseLabel('card_arrival or card_linking', [...])                  // { kind: 'invalid', … }
 */
export function parseLabel(reply: string, labels: readonly string[]): ParsedLabel {
  const forms = unwrap(reply);
  const label = lookUp(forms, labels, (text) => text) ?? lookUp(forms, labels, fold);
  return label === undefined ? { kind: 'invalid', reply } : { kind: 'label', label };
}

/** The label that the first form to equal any stands for, both seen through `key`; undefined where several labels fit. */
function lookUp(
  forms: readonly string[],
  labels: readonly string[],
  key: (text: string) => string,
): string | undefined {
  for (const form of forms) {
    if (labels.includes(form)) return form;
    const alike = new Set(labels.filter((label) => [label, breakControlTokens(label)].map(key).includes(key(form))));
    if (alike.size > 1) return undefined;
    for (const label of alike) return label;
  }
  return undefined;
}

/** The reply in ever less wrapping, from untouched to bare. */
function unwrap(reply: string): string[] {
  const trimmed = reply.trim();
  const afterPrefix = trimmed.replace(/^(?:label|class):\s*/i, '');
  const forms = [reply, ...peel(trimmed)];
  return afterPrefix === trimmed ? forms : [...forms, ...peel(afterPrefix)];
}

/** `text`, then without one trailing period and one pair of quotes, in whichever order they come off. */
function peel(text: string): string[] {
  const forms = [text];
  let rest = text;
  let quotes = true;
  let period = true;
  for (;;) {
    if (quotes && isQuoted(rest)) {
      quotes = false;
      rest = rest.slice(1, -1).trim();
    } else if (period && rest.endsWith('.')) {
      period = false;
      rest = rest.slice(0, -1).trimEnd();
    } else {
      return forms;
    }
    forms.push(rest);
  }
}

const QUOTES = [`""`, `''`, '``', '“”', '‘’', '«»'];

const isQuoted = (text: string): boolean =>
  text.length >= 2 && QUOTES.includes(text.charAt(0) + text.charAt(text.length - 1));

const fold = (text: string): string => text.normalize('NFC').toLowerCase();
