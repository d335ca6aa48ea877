/** No encoder named: the one of the package, without a network. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TinyImages } from '../support/tiny-images.js';
import { jsonl, Workspace, type Outcome } from './support.js';

const HINT = /^hint: no encoder was named, and builtin was taken\..*--encoder minilm .*--encoder bert-base /gm;

let workspace: Workspace;
let images: TinyImages;
beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  await images.labelled(workspace.folder, { pics: 4 }, ['a', 'b']);
});
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});

const index = (name: string, ...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', name, '--data', '@train.jsonl', '--losses', 'none', '--reducer', 'pca', ...more]);
const hints = ({ stderr }: Outcome): number => [...stderr.matchAll(HINT)].length;

describe('an index', () => {
  it('takes the encoder of the package, and names stronger ones once', async () => {
    const built = await index('plain');
    expect(built.code).toBe(0);
    expect(built.stdout).toMatch(/^encoder +builtin/m);
    expect(hints(built)).toBe(1);
    const again = await index('plain');
    expect(again.stdout).toContain('nothing to do');
    expect(hints(again)).toBe(0);
  });

  it.each([
    ['it was named', ['--encoder', 'builtin']],
    ['another was named', ['--encoder', 'MODEL']],
    ['nothing but the result is wanted', ['--json']],
    ['the user wants it quiet', ['--quiet']],
  ])('names none where %s', async (_, more) => {
    const outcome = await index('told', '--force', ...more);
    expect(outcome.code).toBe(0);
    expect(outcome.stderr + outcome.stdout).not.toContain('hint:');
  });

  it('that is there keeps its own: it opens, and is not built over unasked', async () => {
    expect((await index('own', '--encoder', 'MODEL')).code).toBe(0);
    const { code, json } = await workspace.fungi(['retrieve', 'own', 'a cat', '-k', '1', '--json']);
    expect({ code, found: (json() as { examples: object[] }).examples.length }).toEqual({ code: 0, found: 1 });
    const other = await index('own');
    expect(other.code).toBe(5);
    expect(other.stderr).toContain(`hint: Its encoder is kept with --encoder ${workspace.path('model')}. Otherwise: `);
    expect(hints(other)).toBe(0);
    expect((await index('own', '--encoder', 'MODEL')).stdout).toContain('nothing to do');
  });
});

it('an evaluation takes it too, and hints nothing', async () => {
  const data = [
    '--train',
    '@train.jsonl',
    '--test',
    '@test.jsonl',
    '--features',
    'embedding',
    '--throughput-texts',
    '0',
  ];
  const outcome = await workspace.fungi(['eval', 'knn', ...data]);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toContain('builtin');
  expect(outcome.stderr).not.toContain('hint:');
});

it('the demo answers early, and names stronger encoders once', async () => {
  const outcome = await workspace.fungi(['demo', 'may I keep it?']);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toMatch(/^240 messages .*, encoder builtin$/m);
  expect(outcome.stderr).toMatch(/^first answer, \d+ of 20 votes by the plain embedding: "may I keep it\?" is \w+$/m);
  expect(outcome.stderr.indexOf('first answer')).toBeLessThan(outcome.stderr.indexOf('messages: fungi'));
  expect(hints(outcome)).toBe(1);
}, 300_000);

describe('data that it does not read', () => {
  it('images: which encoders do', async () => {
    const { code, stderr } = await workspace.fungi(['index', 'spots', '--data', '@pics']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/holds images, and builtin, the default encoder, reads texts\n/);
    expect(stderr).toMatch(/^hint: Name an image encoder \(DINOv2, .*SigLIP\): --encoder \.\/models\/dinov2-small /m);
  });

  it('sounds: which encoders do', async () => {
    const rows = ['a', 'b', 'c', 'd'].map((name, i) => ({ audio: `${name}.wav`, label: String(i % 2) }));
    await workspace.write({ 'clips.jsonl': jsonl(rows) });
    const { code, stderr } = await workspace.fungi(['index', 'clips', '--data', '@clips.jsonl']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/holds sounds, and builtin, the default encoder, reads texts\n/);
    expect(stderr).toMatch(/^hint: Name an audio encoder \(Whisper, .*HuBERT\): --encoder \.\/models\/whisper-tiny /m);
  });
});

it('without a network a model that is not here is told with the one that is', async () => {
  const { code, stderr } = await index('far', '--encoder', 'minilm');
  expect(code).toBe(4);
  expect(stderr).toMatch(/^error \[MODEL_NOT_FOUND\].*not asked: offline/m);
  expect(stderr).toMatch(/^hint: .*`fungi models pull minilm`.*--encoder builtin\.$/m);
});

it('doctor finds it in the package, and calls an empty cache fine', async () => {
  const { json } = await workspace.fungi(['doctor', '--json']);
  const { checks } = json() as { checks: { name: string; status: string; detail: string }[] };
  const checkOf = (name: string) => checks.find((check) => check.name === name);
  expect(checkOf('model builtin')).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining('default') as string,
  });
  expect(checkOf('model cache')).toMatchObject({ status: 'ok', detail: expect.stringContaining('empty') as string });
});
