/** Published sets' own files: hand-made ones of the same forms. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { leftClosed, rightClosed } from '../../../src/eval/data/formats/sst-scores.js';
import { readExamples } from '../../../src/eval/data/read-examples.js';
import { pairsOf, Scratch } from './scratch.js';

let scratch: Scratch;
beforeAll(async () => {
  scratch = await Scratch.create();
});
afterAll(() => scratch.remove());

/** Refused with INVALID_DATA at this place, and the hint that a wrong format calls for. */
async function expectWrongLine(source: string, message: RegExp): Promise<void> {
  expect(await scratch.refusal(source)).toMatchObject({
    code: 'INVALID_DATA',
    message: expect.stringMatching(message) as string,
    hint: expect.stringContaining('docs/data.md') as string,
  });
}

describe('trec', () => {
  const file = Buffer.from(
    'DESC:manner How did it ?\nLOC:city Which sister\xf0city ?\nENTY:other Déjà vu ?\n',
    'latin1',
  );

  it('has coarse classes, or fine ones, and a blank for the one odd byte', async () => {
    const path = await scratch.write({ 'train_5500.label': file });
    expect(await pairsOf(`trec:${path}`)).toEqual([
      ...['DESC: How did it ?', 'LOC: Which sister city ?', 'ENTY: Déjà vu ?'],
    ]);
    expect(await pairsOf(`trec-fine:${path}`)).toEqual([
      ...['DESC:manner: How did it ?', 'LOC:city: Which sister city ?', 'ENTY:other: Déjà vu ?'],
    ]);
  });

  it('is read as UTF-8 where it is that', async () => {
    const path = await scratch.write({ 'utf8.label': 'ENTY:other Déjà ðu ?\n' });
    expect(await pairsOf(`trec:${path}`)).toEqual(['ENTY: Déjà ðu ?']);
  });

  it('names a line of another form', async () => {
    const path = await scratch.write({ 'other.label': 'DESC:manner a\n\nno label here\n' });
    await expectWrongLine(`trec:${path}`, /^other\.label:3: expected "COARSE:fine question", got "no label here"/);
  });
});

describe('sst5', () => {
  const TREES = "(3 (2 (2 It) (2 's)) (4 (4 good) (2 -LRB-)))\n(0 (1 bad) (2 8\u00a01\\/2))\n";

  it('takes the class of the root of a tree, and the words as the other files write them', async () => {
    const path = await scratch.write({ 'trees.txt': TREES });
    expect(await pairsOf(`sst5:${path}`)).toEqual(["positive: It 's good (", 'very negative: bad 8\u00a01\\/2']);
  });

  it.each(['(3 (2 It)', '(3 (2 It)))', '(5 (2 It))', '(3)', '(3 (2 a)) (3 (2 b))', '(3 (2 a) b'])(
    'refuses the tree %s',
    async (tree) => {
      const path = await scratch.write({ 'broken.txt': `${TREES}${tree}\n` });
      await expectWrongLine(`sst5:${path}`, /^broken\.txt:3: expected a whole tree/);
    },
  );

  it('reads classes with sentences', async () => {
    const path = await scratch.write({ 'stsa.fine.train': '4 a stirring film\n1 soap .\n' });
    expect(await pairsOf(`sst5:${path}`)).toEqual(['very positive: a stirring film', 'negative: soap .']);
    const wrong = await scratch.write({ 'stsa.wrong': '4 a\n7 b\n' });
    await expectWrongLine(`sst5:${wrong}`, /^stsa\.wrong:2: /);
  });

  const FOLDER = {
    'sst/datasetSentences.txt':
      'sentence_index\tsentence\n1\tGood .\n2\t-LRB- ClichÃ©s -RRB- .\n3\tPerfect | so .\n4\tMeh .\n',
    'sst/datasetSplit.txt': 'sentence_index,splitset_label\n1,1\n2,1\n3,1\n4,2\n',
    'sst/dictionary.txt': 'Good|0\nGood .|1\n( Clichés ) .|2\nPerfect | so .|3\nMeh .|4\n',
    'sst/sentiment_labels.txt': 'phrase ids|sentiment values\n0|0.9\n1|0.61111\n2|0.19444\n3|1.0\n4|0.5\n',
  };

  it('bins the scores of a folder, texts as the dictionary has them', async () => {
    await scratch.write(FOLDER);
    expect(await pairsOf(`sst5:${scratch.path('sst')}:train`)).toEqual([
      ...['positive: Good .', 'very negative: ( Clichés ) .', 'very positive: Perfect | so .'],
    ]);
    expect(await pairsOf(`sst5:${scratch.path('sst')}:test`)).toEqual(['neutral: Meh .']);
  });

  it('has a sixth class as the released code has it', async () => {
    await scratch.write(FOLDER);
    expect(await pairsOf(`sst5-reference:${scratch.path('sst')}:train`)).toEqual([
      ...['positive: Good .', 'very negative: ( Clichés ) .', 'score 1.0: Perfect | so .'],
    ]);
    const trees = await scratch.write({ 'trees.txt': TREES });
    expect(await scratch.refusal(`sst5-reference:${trees}`)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('takes the words of SOStr.txt where it is there', async () => {
    await scratch.write({
      ...Object.fromEntries(Object.entries(FOLDER).map(([name, text]) => [name.replace('sst/', 'sos/'), text])),
      'sos/datasetSentences.txt': 'sentence_index\tsentence\n1\tGood .\n2\t-LRB- Cliches -RRB- .\n3\tPerfect | so .\n',
      'sos/SOStr.txt': 'Good|.\n(|Clichés|)|.\nPerfect|||so|.\n',
    });
    expect(await pairsOf(`sst5:${scratch.path('sos')}:train`)).toContain('very negative: ( Clichés ) .');
  });

  it('names a sentence without a score, and wants a split', async () => {
    await scratch.write({ ...FOLDER, 'sst/dictionary.txt': 'Good .|1\n' });
    expect(await scratch.refusal(`sst5:${scratch.path('sst')}:train`)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/^sst\/datasetSentences\.txt:3: no score/) as string,
      hint: expect.stringContaining('SOStr.txt') as string,
    });
    expect(await scratch.refusal(`sst5:${scratch.path('sst')}`)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('sst:train') as string,
    });
    expect(await scratch.refusal(`sst5:${scratch.path('nowhere')}:train`)).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'nowhere does not exist',
    });
  });

  it.each([
    [0, 'very negative', 'very negative'],
    [0.2, 'very negative', 'negative'],
    [0.20001, 'negative', 'negative'],
    [0.4, 'negative', 'neutral'],
    [0.6, 'neutral', 'positive'], // float32(0.6) is above numpy's 0.6000000000000001
    [0.8, 'positive', 'very positive'],
    [0.99999, 'very positive', 'very positive'],
    [1, 'very positive', 'score 1.0'],
  ])('a score of %d is %s, in the released code %s', (score, standard, reference) => {
    expect([rightClosed(score), leftClosed(score)]).toEqual([standard, reference]);
  });
});

describe('ag_news', () => {
  it('joins title and description', async () => {
    const path = await scratch.write({
      'train.csv': '"3","Wall St.","Short-sellers, ""ultra-cynics""\\band."\n"4","A #36;10","b"\r\n"1","c","d"\n',
    });
    expect(await pairsOf(`ag_news:${path}`)).toEqual([
      ...['Business: Wall St. Short-sellers, "ultra-cynics"\\band.', 'Sci/Tech: A #36;10 b', 'World: c d'],
    ]);
  });

  it.each(['"5","a","b"', '"0","a","b"', '"1","a"', '"class","title","description"'])('refuses %s', async (line) => {
    const path = await scratch.write({ 'ag.csv': `"1","a","b"\n${line}\n` });
    await expectWrongLine(`ag_news:${path}`, /^ag\.csv:2: expected "class","title","description"/);
  });
});

describe('banking77', () => {
  it('has its categories as labels', async () => {
    const path = await scratch.write({ 'b.csv': 'text,category\n"Where, please?",card_arrival\nHow?,topping_up\n' });
    expect(await pairsOf(`banking77:${path}`)).toEqual(['card_arrival: Where, please?', 'topping_up: How?']);
    const other = await scratch.write({ 'other.csv': 'text,label\na,b\n' });
    await expectWrongLine(`banking77:${other}`, /^other\.csv:2: expected the columns text,category/);
  });
});

describe('tweeteval', () => {
  const FILES = {
    'emoji/mapping.txt': '0\t❤\t_red_heart_\n1\t🔥\t_fire_',
    'emoji/train_text.txt': 'so hot &amp; @user \n\nlove\n',
    'emoji/train_labels.txt': '1\n0\n0\n',
    'emoji/val_text.txt': 'v\n',
    'emoji/val_labels.txt': '0\n',
  };

  it('names the classes by the last column of mapping.txt, and leaves out lines without text', async () => {
    await scratch.write(FILES);
    const source = `tweeteval:${scratch.path('emoji')}`;
    const { warnings } = await readExamples(`${source}:train`);
    expect(await pairsOf(`${source}:train`)).toEqual(['_fire_: so hot &amp; @user ', '_red_heart_: love']);
    expect(warnings.map((warning) => scratch.relative(warning))).toEqual([
      'emoji/train_text.txt: 1 line has no text: left out',
    ]);
    for (const split of ['validation', 'val', 'dev'])
      expect(await pairsOf(`${source}:${split}`)).toEqual(['_red_heart_: v']);
  });

  it.each([
    ['fewer labels', { 'emoji/train_labels.txt': '1\n0\n' }, /train_labels\.txt: it ends after line 2/],
    ['more labels', { 'emoji/train_labels.txt': '1\n0\n0\n1\n' }, /train_labels\.txt: it goes on after line 3/],
    [
      'a number without a name',
      { 'emoji/train_labels.txt': '1\n0\n2\n' },
      /train_labels\.txt:3: expected a number that/,
    ],
    ['a mapping of another form', { 'emoji/mapping.txt': '0\t❤\n1' }, /mapping\.txt:2: expected a number, a tab/],
  ])('refuses %s', async (_, change, message) => {
    await scratch.write({ ...FILES, ...change });
    expect(await scratch.refusal(`tweeteval:${scratch.path('emoji')}:train`)).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('others', () => {
  it('seq-in pairs seq.in with label', async () => {
    await scratch.write({
      'atis/train/seq.in': ' i want to fly \nfares\n',
      'atis/train/label': 'atis_flight\natis_airfare \n',
    });
    expect(await pairsOf(`seq-in:${scratch.path('atis', 'train')}`)).toEqual([
      ...['atis_flight: i want to fly', 'atis_airfare: fares'],
    ]);
  });

  it('rt-polarity splits each file 80, 10, 10, and reads Windows-1252', async () => {
    const lines = (name: string): string => Array.from({ length: 10 }, (_, i) => `${name}${i} \n`).join('');
    await scratch.write({
      'rt/rt-polarity.pos': Buffer.concat([
        Buffer.from(lines('p').slice(0, -4)),
        Buffer.from([0x70, 0x39, 0x97, 0xe9, 0x0a]),
      ]),
      'rt/rt-polarity.neg': lines('n'),
    });
    const source = `rt-polarity:${scratch.path('rt')}`;
    expect(await pairsOf(`${source}:validation`)).toEqual(['positive: p8', 'negative: n8']);
    expect(await pairsOf(`${source}:test`)).toEqual(['positive: p9—é', 'negative: n9']);
    expect(await pairsOf(`${source}:train`)).toHaveLength(16);
  });

  it('sms-spam takes quotes for quotes', async () => {
    const path = await scratch.write({ 'sms.tsv': 'ham\tHe said "hi\nspam\tWIN "now" 100%\n' });
    expect(await pairsOf(`sms-spam:${path}`)).toEqual(['ham: He said "hi', 'spam: WIN "now" 100%']);
    await expectWrongLine(`sms-spam:${await scratch.write({ 's.tsv': 'label\ttext\n' })}`, /^s\.tsv:1: expected "ham"/);
  });
});

describe('names', () => {
  it('that are no format are paths', async () => {
    expect(await scratch.refusal('nothing:at-all')).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('that end in a word that is no split belong to the path', async () => {
    const path = await scratch.write({ 'a:b': 'LOC:city Where ?\n' });
    expect(await pairsOf(`trec:${path}`)).toEqual(['LOC: Where ?']);
  });
});
