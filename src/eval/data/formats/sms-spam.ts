/** The SMS Spam Collection: SMSSpamCollection, also named sms.tsv. */
import { labelledRow } from '../labelled-row.js';
import { utf8Lines } from '../utf8-file.js';
import { wrongLine, type FormatReader } from './format.js';

/** Lines `label<tab>text` without a header; quotes are quotes. @throws {FungiError} INVALID_DATA on another line */
export const smsSpam: FormatReader = async function* (path) {
  for await (const { line, text } of utf8Lines(path)) {
    if (text.trim() === '') continue;
    const [, label, message] = /^(ham|spam)\t(.*)$/.exec(text) ?? [];
    if (message === undefined) throw wrongLine(`${path}:${line}`, text, '"ham" or "spam", a tab and a text');
    yield labelledRow(`${path}:${line}`, message, label!);
  }
};
