/** `fungi eval icl` and `eval compare` on images and sounds: what the LLM is sent, what is estimated and kept, and what is refused. */
import { copyFileSync, rmSync } from 'node:fs';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { wavFile } from '../../src/encoders/audio/wav-file.js';
import type { DryRun } from '../../src/eval/icl/dry-run.js';
import type { IclReport } from '../../src/eval/icl/icl-report.js';
import { bytesOf, mediaOf, type MediaPart } from '../../src/prompt/message.js';
import { ScriptedLlm, type Script } from '../../src/testing/scripted-llm.js';
import { TinyImages } from '../support/tiny-images.js';
import { jsonl, Workspace, type Outcome } from './support.js';

let workspace: Workspace;
let images: TinyImages;
let llm: ScriptedLlm | undefined;

beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  await images.labelled(workspace.path(), { pool: 8, queries: 4 }, ['cat', 'dog']);
  await mkdir(workspace.path('clips'));
  const sounds = [];
  for (let i = 0; i < 6; i++) {
    const samples = Float32Array.from({ length: 1600 }, (_, t) => Math.sin(t * (0.05 + 0.01 * i)));
    await writeFile(workspace.path('clips', `${i}.wav`), wavFile(samples, 16_000));
    sounds.push({ audio: `clips/${i}.wav`, label: i % 2 === 0 ? 'low' : 'high' });
  }
  await workspace.write({ 'sounds.jsonl': jsonl(sounds.slice(0, 4)), 'heard.jsonl': jsonl(sounds.slice(4)) });
}, 60_000);
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});
let cache = 0;
afterEach(async () => {
  cache++;
  await llm?.close();
  llm = undefined;
});

const cat: Script = () => ({ reply: 'cat', usage: { promptTokens: 700, completionTokens: 2 } });
const start = async (script: Script = cat): Promise<ScriptedLlm> => (llm = await ScriptedLlm.start(script));
const PICTURES = ['--train', '@pool', '--test', '@queries'];
const ENDPOINT = (): string[] => ['--base-url', llm?.baseUrl ?? 'http://127.0.0.1:9', '--model', 'stand-in'];

async function icl(...argv: string[]): Promise<Outcome> {
  return workspace.fungi(['eval', 'icl', ...argv, '-k', '3', ...ENDPOINT()], {
    env: { FUNGI_CACHE: workspace.path(`cache-${cache}`) },
  });
}
const withModel = (...argv: string[]): Promise<Outcome> =>
  icl(...PICTURES, '--encoder', images.model, '--selectors', 'none,embedding', ...argv);
const sent = (): MediaPart[][] => llm!.requests.map(({ body }) => body.messages.flatMap(mediaOf));
const dryRunOf = ({ json }: Outcome): DryRun => (json() as { readonly dryRun: DryRun }).dryRun;

describe('pictures', () => {
  it('go as parts of the prompt, and their paths do not', async () => {
    await start();
    const { code, stdout, stderr } = await withModel();
    expect([code, stderr.includes('warning')]).toEqual([0, false]);
    expect(llm!.requests).toHaveLength(8);
    expect(
      sent()
        .map((parts) => parts.length)
        .sort(),
    ).toEqual([1, 1, 1, 1, 4, 4, 4, 4]);
    expect(JSON.stringify(llm!.requests)).not.toContain('.png');
    expect(JSON.stringify(llm!.requests)).toMatch(/"data:image\/(?:png|jpeg);base64,/);
    expect(stdout).toMatch(/^embedding +50\.0 /m);
  });

  it('are kept with the reply to their bytes, wherever they lie; another size of them is another request', async () => {
    await start();
    await withModel();
    await rename(workspace.path('queries'), workspace.path('elsewhere'));
    try {
      const again = await icl('--train', '@pool', '--test', '@elsewhere', '--encoder', images.model, '--selectors', 'none,embedding', '--json'); // prettier-ignore
      expect((again.json() as IclReport).requests).toBe(0);
    } finally {
      await rename(workspace.path('elsewhere'), workspace.path('queries'));
    }
    expect(llm!.requests).toHaveLength(8);
    await withModel('--image-side', '8');
    expect(llm!.requests).toHaveLength(16);
    const path = workspace.path('queries', 'cat', '8.png');
    await rename(path, workspace.path('8.png'));
    try {
      await copyFile(await images.picture(20), path);
      const { json } = await withModel('--json');
      expect((json() as IclReport).requests).toBe(2);
    } finally {
      await rename(workspace.path('8.png'), path);
    }
  });

  it('beyond the budget are left out, the farthest first, with a warning', async () => {
    await start();
    await withModel('--selectors', 'embedding', '--limit-test', '1');
    const [all] = sent();
    const budget = all!.reduce((sum, part) => sum + bytesOf(part), 0) - 1;
    const argv = ['--selectors', 'embedding', '--limit-test', '1', '--media-bytes', String(budget)];
    const { stderr, stdout } = await withModel(...argv);
    expect(sent()[1]).toEqual(all!.slice(1));
    expect(stderr).toContain('1 of 3 examples did not fit the prompt');
    expect(stdout).toMatch(/^embedding +2\.0 +700 /m);
  });

  it('need no encoder where none chooses by features', async () => {
    await start();
    const { code } = await icl(...PICTURES, '--selectors', 'none,random');
    expect(code).toBe(0);
    expect(
      sent()
        .map((parts) => parts.length)
        .sort(),
    ).toEqual([1, 1, 1, 1, 4, 4, 4, 4]);
  });

  it('whose file is gone are named with their row', async () => {
    const rows = [0, 2, 1, 3].map((i) => ({ image: `pool/${i % 2 === 0 ? 'cat' : 'dog'}/${i}.png`, label: i % 2 === 0 ? 'cat' : 'dog' })); // prettier-ignore
    await workspace.write({ 'gone.jsonl': jsonl([...rows, { image: 'pool/cat/99.png', label: 'cat' }]) });
    const { code, stderr } = await icl('--train', '@gone.jsonl', '--test', '@queries', '--selectors', 'fixed', '-k', '9'); // prettier-ignore
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /gone\.jsonl:5: a media file is missing: .*99\.png\nhint: Put the file back, or take the row out/,
    );
  });

  it.each([
    [
      'gone',
      (path: string) => {
        rmSync(path);
      },
      /a media file is missing/,
    ],
    [
      'another',
      (path: string) => {
        copyFileSync(workspace.path('pool/dog/1.png'), path);
      },
      /changed since the run began/,
    ],
  ])('that are %s by the time they are sent end the run with what was asked', async (_, change, says) => {
    const folder = workspace.path(`changing-${cache}`, 'cat');
    await mkdir(folder, { recursive: true });
    for (const i of [8, 10]) await copyFile(await images.picture(i), `${folder}/${i}.png`);
    await start((_request, index) => {
      // Files are read in the order of their names: 10 was asked, 8 is next.
      if (index === 0) change(`${folder}/8.png`);
      return { reply: 'cat' };
    });
    const outcome = await icl('--train', '@pool', '--test', `@changing-${cache}`, '--selectors', 'fixed', '--json');
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(says);
    expect(llm!.requests).toHaveLength(1);
    expect(outcome.json()).toMatchObject({ summary: [{ selector: 'fixed' }] });
  });

  it('sent by their address have it in every row', async () => {
    const row = (i: number, more: object): object => ({ image: `pool/${i % 2 === 0 ? 'cat' : 'dog'}/${i}.png`, label: i % 2 === 0 ? 'cat' : 'dog', ...more }); // prettier-ignore
    await workspace.write({
      'urls.jsonl': jsonl([0, 1].map((i) => row(i, { url: `https://example.org/${i}.png` }))),
      'some.jsonl': jsonl([row(0, { url: 'https://example.org/0.png' }), row(1, {})]),
    });
    await start();
    const argv = ['--test', '@queries', '--selectors', 'fixed', '--media-url-key', 'url', '--limit-test', '1'];
    expect((await icl('--train', '@urls.jsonl', ...argv)).code).toBe(0);
    expect(JSON.stringify(sent()[0]).match(/https:\/\/example\.org\/[01]\.png/g)).toHaveLength(2);
    const { code, stderr } = await icl('--train', '@some.jsonl', ...argv);
    expect([code, stderr]).toEqual([3, expect.stringContaining('some.jsonl:2: metadata "url" is missing')]);
  });
});

describe('what is not known of their tokens', () => {
  const prices = ['--price-input', '1', '--price-output', '1'];

  it('is said by a dry run, which counts the text alone', async () => {
    const { stdout } = await withModel('--dry-run', ...prices);
    expect(stdout).toMatch(/^images or sounds +20 \(.*\), no tokens counted for them: give --media-tokens$/m);
    expect(stdout).toMatch(/^prompt tokens .*, of the text alone$/m);
    expect(stdout).toMatch(/^cost .*, of the text alone$/m);
    expect(stdout).not.toContain('cost at most');
  });

  it('is counted as --media-tokens says', async () => {
    const without = dryRunOf(await withModel('--dry-run', '--json', ...prices));
    const counted = dryRunOf(await withModel('--dry-run', '--json', ...prices, '--media-tokens', '100'));
    expect(without).toMatchObject({ media: { parts: 20, tokens: null }, mostCost: null });
    expect(counted.media).toEqual({ ...without.media, tokens: 100 });
    for (const part of ['estimate', 'low', 'high'] as const) {
      expect(counted.promptTokens[part]).toBe(without.promptTokens[part] + 2000);
    }
    expect(counted.mostCost).toBeGreaterThan(counted.cost!.high);
  });

  it('keeps --max-cost from holding: it is refused before the work', async () => {
    const { code, stderr } = await withModel(...prices, '--max-cost', '1');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /a cap on the cost needs to know what an image or a sound is in tokens\nhint: .*--media-tokens/,
    );
  });

  it('holds the cap once it is said', async () => {
    await start();
    // Of each prompt the most: its text, 4 pictures of 1 000 tokens at 1 a million, and a reply.
    const cap = ['--max-cost', '0.0055', '--media-tokens', '1000', '--max-tokens', '1', '--concurrency', '1'];
    const { code, stderr } = await withModel(...prices, ...cap, '--no-cache', '--selectors', 'embedding');
    expect(code).toBe(6);
    expect(stderr).toContain('BUDGET_REACHED');
    expect(llm!.requests.length).toBeGreaterThan(0);
    expect(llm!.requests.length).toBeLessThan(4);
  });

  it('is told beside an estimate, where the endpoint does not tell', async () => {
    const body = JSON.stringify({ choices: [{ message: { content: 'cat' }, finish_reason: 'stop' }] });
    await start(() => ({ status: 200, body }));
    const { stdout } = await withModel();
    expect(stdout).toContain('images or sounds are not counted in it (--media-tokens)');
    const estimate = (text: string): number => Number(/^embedding +3\.0 +~(\d+) /m.exec(text)![1]);
    const counted = (await withModel('--media-tokens', '50')).stdout;
    expect(estimate(counted)).toBe(estimate(stdout) + 200);
    expect(counted).not.toContain('are not counted in it');
  });
});

it('sounds go as parts too, and take no options of images', async () => {
  await start(() => ({ reply: 'low' }));
  const argv = ['--train', '@sounds.jsonl', '--test', '@heard.jsonl', '--selectors', 'random'];
  expect((await icl(...argv)).code).toBe(0);
  expect(
    sent()
      .flat()
      .map(({ type }) => type),
  ).toEqual(Array<string>(8).fill('input_audio'));
  const { code, stderr } = await icl(...argv, '--image-side', '64');
  expect([code, stderr]).toEqual([2, expect.stringContaining('media.imageSide was given, and the pool holds sounds')]);
});

it('texts refuse options of media', async () => {
  const argv = ['--train', '@train.jsonl', '--test', '@test.jsonl', '--selectors', 'random', '--media-bytes', '64'];
  const { code, stderr } = await icl(...argv);
  expect([code, stderr]).toEqual([2, expect.stringContaining('media.maxBytes was given, and the pool holds texts')]);
});

it('bm25 does not read paths, which often hold the label', async () => {
  const refused = await icl(...PICTURES, '--selectors', 'bm25,random');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/bm25 compares words, and the data are images\nhint: .*--selectors random\./);
  const compare = ['eval', 'compare', ...PICTURES, '--encoder', images.model, '-k', '3', '--throughput-texts', '0'];
  const { code, stdout } = await workspace.fungi([...compare, '--json']);
  expect(code).toBe(0);
  const { summary } = JSON.parse(stdout) as { summary: { selector: string }[] };
  expect(summary.map(({ selector }) => selector)).toEqual(['random', 'fixed', 'embedding', 'kl']);
  expect((await workspace.fungi([...compare, '--baseline', 'bm25'])).stderr).toContain('"bm25" is not compared');
});
