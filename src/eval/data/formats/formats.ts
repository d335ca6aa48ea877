/** Published data sets in their own files: the name of each format, before a colon, and its reader. */
import { agNews } from './ag-news.js';
import { banking77 } from './banking77.js';
import type { FormatReader } from './format.js';
import { rtPolarity } from './rt-polarity.js';
import { seqIn } from './seq-in.js';
import { smsSpam } from './sms-spam.js';
import { sst5, sst5Reference } from './sst.js';
import { trecCoarse, trecFine } from './trec.js';
import { tweeteval } from './tweeteval.js';

export const FORMATS: ReadonlyMap<string, FormatReader> = new Map([
  ['trec', trecCoarse],
  ['trec-fine', trecFine],
  ['sst5', sst5],
  ['sst5-reference', sst5Reference],
  ['ag_news', agNews],
  ['banking77', banking77],
  ['tweeteval', tweeteval],
  ['seq-in', seqIn],
  ['rt-polarity', rtPolarity],
  ['sms-spam', smsSpam],
]);
