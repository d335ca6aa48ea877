/**
 * Tokens with which chat formats mark turns: `<|im_start|>`, `[INST]`, `<start_of_turn>`, `</s>` … Servers render a conversation to
 * one text with them before they tokenize it, and many do not escape what the messages hold: a text that carries such a token could
 * end its own turn and open another, as system or assistant.
 */

/** `<|im_start|>`, `<|eot_id|>`, DeepSeek's `<｜User｜>`: the opening is enough, since the rest may stand in the next value. */
const BARRED = String.raw`<(?=[|｜][\p{L}\p{N}_▁])`;
/** `<turn|>` */
const BARRED_AT_END = String.raw`<(?=\w{1,64}[|｜]>)`;
const ANGLED = String.raw`<(?=(?:\/?s|bos|eos|pad|unk|(?:start|end)_of_turn|<\/?SYS>)>)`;
const BRACKETED = String.raw`\[(?=\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])`;

/** In any case, so that a template's `upcase` or `downcase` makes no token of what was none. */
const CONTROL = new RegExp([BARRED, BARRED_AT_END, ANGLED, BRACKETED].join('|'), 'giu');

/**
 * `text` with a space after the first character of each control token: `< |im_start|>`, `[ INST]`, `< /s>`. A reader sees the same,
 * a tokenizer sees plain text. Nothing is removed, so what stood around a token cannot close up to a new one, and taking the space
 * out gives the text back.
 */
export const breakControlTokens = (text: string): string => text.replace(CONTROL, '$& ');
