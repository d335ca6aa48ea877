import { describe, expect, it } from 'vitest';

import { normaliseText } from '../../../src/core/text.js';
import { findDuplicates, findLabelConflicts, findOverlap } from '../../../src/core/duplicates.js';
import { groupRows } from '../../../src/core/group-rows.js';
import { readExamples } from '../../../src/eval/data/read-examples.js';

const train = await readExamples('examples/demo/train.jsonl');
const test = await readExamples('examples/demo/test.jsonl');
const texts = (file: typeof train): string[] => file.examples.map(({ input }) => input);
const all = [...texts(train), ...texts(test)];

describe('examples/demo', () => {
  it.each([
    ['train', train, 20],
    ['test', test, 4],
  ])('%s holds 12 labels of equal size and reads without warnings', (_, file, size) => {
    const sizes = [...groupRows(file.examples.map(({ label }) => label)).values()].map((rows) => rows.length);
    expect(sizes).toEqual(Array<number>(12).fill(size));
    expect(file.warnings).toEqual([]);
  });

  it('has no text twice, neither within nor across the splits', () => {
    expect(findDuplicates(all, 'normalised')).toEqual([]);
    expect(findOverlap(texts(train), texts(test), 'normalised')).toEqual([]);
    expect(findLabelConflicts([...train.examples, ...test.examples], 'normalised')).toEqual([]);
  });

  it('has no two texts that share more than half of their words', () => {
    const words = all.map((text) => new Set(normaliseText(text).match(/[\p{L}\d]+/gu)));
    const alike = words.flatMap((a, i) =>
      words.slice(i + 1).flatMap((b, j) => {
        const shared = [...a].filter((word) => b.has(word)).length;
        return shared / (a.size + b.size - shared) > 0.5 ? [[all[i], all[i + 1 + j]]] : [];
      }),
    );
    expect(alike).toEqual([]);
  });
});
