/** An index that chose for itself knows how far its votes are to be trusted. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestLines } from '../../src/cli/manifest-lines.js';
import type { ExampleInput } from '../../src/core/item.js';
import type { PolicyOptions } from '../../src/policies/options.js';
import { USUAL_VOTERS } from '../../src/policies/usual-vote.js';
import { LEAST_VOTES } from '../../src/selector/confidence.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { openVotes, VOTES_FILE } from '../../src/selector/votes-file.js';
import { findIndex } from '../../src/store/index-folder.js';
import { readManifest, verifyArtefacts, writeManifest } from '../../src/store/manifest.js';
import { asStored, inPlace, makePlace, tinyExamples, type Place } from './support.js';

const ROWS = 300;
let place: Place;
let selector: FungiSelector;
const folderOf = (at: Place): Promise<string> => findIndex(at.options('bank').indexes!, 'bank');
beforeAll(async () => {
  place = await makePlace();
  selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(ROWS) });
});
afterAll(async () => {
  await selector.close();
  await rm(place.folder, { recursive: true, force: true });
});
const refusal = (message: RegExp, hint: RegExp) => ({
  code: 'INVALID_ARGUMENT',
  message: expect.stringMatching(message) as string,
  hint: expect.stringMatching(hint) as string,
});

describe('an index that chose for itself', () => {
  it('keeps a vote for each row that it scored, and says how right they were', async () => {
    const { choice, confidence } = selector.manifest.auto!;
    const votes = (await openVotes(await folderOf(place), selector.manifest))!;
    expect(votes.shares).toHaveLength(choice!.expected.rows);
    expect(confidence!.rows).toBe(choice!.expected.rows);
    expect(votes.shares.every((share) => share > 0 && share <= 1)).toBe(true);
    const right = votes.right.reduce((sum, value) => sum + value, 0);
    expect(confidence!.accuracy).toBeCloseTo(right / votes.right.length, 9);
    expect(confidence!.error.calibrated).toBeLessThan(0.15);
    expect((await readFile(join(await folderOf(place), VOTES_FILE))).length).toBeLessThan(10_000);
  });

  it('calibrates by what its build held out, also when it is opened again', async () => {
    const found = await selector.calibrate({ precision: 0.5 });
    const { rows, accuracy } = selector.manifest.auto!.confidence!;
    expect(found).toMatchObject({ measuredOn: 'build', queries: rows, accuracy, unscored: 0 });
    expect(found.abstention!.precision).toBeGreaterThanOrEqual(0.5);
    const opened = await FungiSelector.open(place.options('bank'));
    expect(await opened.calibrate({ precision: 0.5 })).toEqual(found);
    await opened.close();
    expect(await selector.calibrate({ queries: 150, method: 'temperature' })).toMatchObject({
      queries: 150,
      calibration: { method: 'temperature' },
    });
    const examples = tinyExamples(ROWS + 40).slice(ROWS);
    expect(await selector.calibrate({ examples })).toMatchObject({ measuredOn: 'examples', queries: 40 });
  });

  it.each<[string, { policy?: PolicyOptions; k?: number }]>([
    ['policy.maxPerLabel', { policy: { maxPerLabel: 3 } }],
    ['policy.exclude.ids', { policy: { exclude: { ids: ['r1'] } } }],
    ['k, which is 30,', { k: 30 }],
  ])('does not tell of a vote that %s makes another', async (member, options) => {
    await expect(selector.calibrate(options)).rejects.toMatchObject(
      refusal(new RegExp(`by ${member} other examples vote than the nearest ${USUAL_VOTERS}`), /--data FILE/),
    );
    const examples = tinyExamples(ROWS + 40).slice(ROWS);
    expect((await selector.calibrate({ ...options, examples })).queries).toBe(40);
  });

  it('gives shares of the vote as ever, and probabilities where a policy names a calibration', async () => {
    const query = tinyExamples(ROWS + 1)[ROWS]!.input;
    const abstain = { below: 0.5 };
    for (const options of [{ policy: { abstain } }, { policy: {}, explain: true }, { policy: { abstain }, k: 30 }]) {
      const { posterior } = await selector.select(query, options);
      expect(posterior).toMatchObject({ calibrated: false, other: 0 });
    }
    const { calibration } = await selector.calibrate();
    const { posterior } = await selector.select(query, { policy: { abstain, calibration } });
    expect(posterior!.calibrated).toBe(true);
  });
});

it('each generation has its own, for as long as the rows are those of its build', () =>
  inPlace(async (own) => {
    const stale = refusal(
      /examples of index "bank" are no longer those of its build/,
      /fungi indexes refit.*--data FILE/,
    );
    const [built, later] = [tinyExamples(150), tinyExamples(ROWS).slice(150)];
    const first = await FungiSelector.build({ ...own.options('bank'), examples: built });
    const before = await first.calibrate();
    await first.add(later);
    await expect(first.calibrate()).rejects.toMatchObject(stale);
    expect((await first.calibrate({ examples: later })).measuredOn).toBe('examples');
    await first.close();
    const refitted = await FungiSelector.refit(asStored(own));
    const after = await refitted.calibrate();
    await refitted.close();
    expect(before.queries).toBeLessThan(after.queries);
    expect(after.queries).toBe(selector.manifest.auto!.confidence!.rows);
    await FungiSelector.rollback(asStored(own));
    const back = await FungiSelector.open(own.options('bank'));
    await expect(back.calibrate()).rejects.toMatchObject(stale);
    await back.remove(later.map(({ id }) => id!));
    expect(await back.calibrate()).toEqual(before);
    // As many rows, of which one has another label.
    await back.add([{ ...built[0]!, label: 'dog' }]);
    await expect(back.calibrate()).rejects.toMatchObject(stale);
    await back.remove(built.slice(1).map(({ id }) => id!));
    await back.add([{ ...built[1]!, label: 'dog' }]);
    await expect(back.calibrate()).rejects.toMatchObject(stale);
    await back.close();
  }));

describe('labels that one example has', () => {
  /** So many of them, each twice where there are copies. */
  const rare = (count: number, copies = 1): ExampleInput[] =>
    Array.from({ length: count * copies }, (_, i) => {
      const number = i % count;
      return { id: `rare${i}`, input: `${number % 2 === 0 ? 'cat' : 'dog'} b ${'c '.repeat(number)}`, label: `rare ${number}` }; // prettier-ignore
    });

  it.each([
    ['of its own', 1],
    ['and its copies', 2],
  ])('%s are not scored: where they are many the build tells nothing of them', (_, copies) =>
    inPlace(async (own) => {
      const examples = [...tinyExamples(200), ...rare(20, copies)];
      const many = await FungiSelector.build({ ...own.options('bank'), examples });
      expect(many.manifest.auto!.confidence).toMatchObject({ rows: 200, unscored: 20 * copies });
      await expect(many.calibrate()).rejects.toMatchObject(
        refusal(
          new RegExp(`of ${200 + 20 * copies} examples .* held out, ${20 * copies} have a label that no other`),
          /--data FILE.*refit/,
        ),
      );
      const given = tinyExamples(ROWS).slice(200);
      expect(await many.calibrate({ examples: given })).toMatchObject({ measuredOn: 'examples', unscored: 0 });
      await many.close();
    }),
  );

  it('are told of where they are few', () =>
    inPlace(async (own) => {
      const examples = [...tinyExamples(200), ...rare(4)];
      const few = await FungiSelector.build({ ...own.options('bank'), examples });
      expect(await few.calibrate()).toMatchObject({ measuredOn: 'build', queries: 200, unscored: 4 });
      expect(manifestLines(few.manifest, 204)).toContainEqual([
        'confidence',
        expect.stringMatching(/of 200 held-out examples; .*; not counted: 4 whose label no other example has$/),
      ]);
      await few.close();
    }));
});

it('without votes of its build stays as it was, and asks for examples', () =>
  inPlace(async (own) => {
    const few = await FungiSelector.build({ ...own.options('bank'), examples: tinyExamples(60) });
    expect(few.manifest.auto).not.toHaveProperty('confidence');
    expect(few.manifest.artefacts).toHaveLength(2);
    const tooFew = new RegExp(`its build had 60, and keeps votes on held-out ones from ${LEAST_VOTES} on`);
    await expect(few.calibrate()).rejects.toMatchObject(refusal(tooFew, /--data FILE.*Or add examples.*refit/));
    await few.close();

    await (await FungiSelector.build({ ...own.options('bank'), examples: tinyExamples(150) })).close();
    const folder = await folderOf(own);
    const { artefacts, auto, ...rest } = await readManifest(folder);
    // As earlier versions wrote it.
    const { features, choice } = auto!;
    await writeManifest(folder, {
      ...rest,
      artefacts: artefacts.filter(({ file }) => file !== VOTES_FILE),
      auto: { features, choice },
    });
    await rm(join(folder, VOTES_FILE));
    const old = await FungiSelector.open(own.options('bank'));
    const none = refusal(/its build kept no votes on held-out ones/, new RegExp(`--data FILE.*${LEAST_VOTES}.*refit`));
    await expect(old.calibrate()).rejects.toMatchObject(none);
    const { posterior } = await old.select('cat a b', { policy: { abstain: { below: 0.5 } } });
    expect(posterior!.calibrated).toBe(false);
    await old.close();
  }));

it.each<[string, (path: string) => Promise<void>]>([
  ['gone', (path) => rm(path)],
  ['damaged', (path) => writeFile(path, 'not these')],
])('whose votes are %s answers, and is calibrated again after a refit', (_, harm) =>
  inPlace(async (own) => {
    await (await FungiSelector.build({ ...own.options('bank'), examples: tinyExamples(150) })).close();
    await harm(join(await folderOf(own), VOTES_FILE));
    const open = await FungiSelector.open(own.options('bank'));
    expect((await open.select('cat a b', { k: 3 })).examples).toHaveLength(3);
    await expect(open.calibrate()).rejects.toMatchObject({
      code: 'INDEX_CORRUPT',
      message: expect.stringContaining(VOTES_FILE) as string,
      hint: expect.stringContaining('fungi indexes refit bank --force') as string,
    });
    const examples = tinyExamples(190).slice(150);
    expect((await open.calibrate({ examples })).queries).toBe(40);
    await open.close();
    await expect(verifyArtefacts(await folderOf(own), open.manifest)).rejects.toThrow(VOTES_FILE);

    const refitted = await FungiSelector.refit(asStored(own));
    expect((await refitted.calibrate()).measuredOn).toBe('build');
    await refitted.close();
  }),
);
