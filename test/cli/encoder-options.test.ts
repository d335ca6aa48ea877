/** --engine, --precision and a tokenizer of another model, through the command line. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModel } from '../encoders/tiny-model.js';
import { TINY_BERT } from '../support/edited-model.js';
import { Workspace, type Outcome } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const { 'tokenizer_config.json': config, 'vocab.txt': vocabulary } = await tinyModel();
  const words = [...String(vocabulary).split('\n'), ...Array.from({ length: 60 }, (_, i) => `w${i}`)];
  // Of 60 words the model has embeddings.
  for (const [name, count] of [
    ['foreign', 61],
    ['own', 60],
  ] as const) {
    const files = { 'tokenizer_config.json': config!, 'vocab.txt': words.slice(0, count).join('\n') };
    await workspace.write({ ...files, 'model.onnx': await readFile(TINY_BERT) }, name);
  }
});
afterAll(() => workspace.remove());

const index = (name: string, ...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', name, '--data', '@train.jsonl', '--encoder', 'MODEL', ...more]);

describe('--engine tfjs', () => {
  interface Neighbour {
    readonly input: string;
    readonly distance: number;
  }
  async function neighbours(name: string, query: string, ...more: string[]): Promise<Neighbour[]> {
    const { json } = await workspace.fungi(['retrieve', name, query, '-k', '12', '--json', ...more]);
    return (json() as { examples: Neighbour[] }).examples;
  }
  function expectTheSame(found: readonly Neighbour[], expected: readonly Neighbour[]): void {
    expect(found.map(({ input }) => input)).toEqual(expected.map(({ input }) => input));
    found.forEach(({ distance }, i) => {
      expect(Math.abs(distance - expected[i]!.distance)).toBeLessThan(1e-4);
    });
  }

  // Landmarks are drawn from the pool's gradients, and of twelve texts magnify how two engines round: dense directions are not.
  it.each(['nystrom', 'dense'])('makes an index that the default engine reads (%s)', async (projection) => {
    expect((await index('tfjs', '--engine', 'tfjs', '--projection', projection, '--force')).code).toBe(0);
    if (projection === 'dense') await index('onnx', '--projection', projection);
    for (const query of ['the cat sat', 'dogs', 'a b c d']) {
      const read = await neighbours('tfjs', query);
      expectTheSame(read, await neighbours('tfjs', query, '--engine', 'tfjs'));
      if (projection === 'dense') expectTheSame(read, await neighbours('onnx', query));
    }
  });

  it('is not part of what an index is: the other engine finds it as it left it', async () => {
    await index('either', '--engine', 'tfjs');
    const { stdout } = await index('either', '--engine', 'onnx');
    expect(stdout).toMatch(/^index "either" .* nothing to do\n/);
  });
});

describe('--precision', () => {
  it('int8 says of a model without wide products that there are none, and what to do', async () => {
    const { code, stdout, stderr } = await index('int8', '--precision', 'int8');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/^error \[MODEL_UNSUPPORTED\]: .*precision int8 .*model\.from-safetensors\.onnx/m);
    expect(stderr).toMatch(/^hint: .*leave --precision out/m);
    expect(stderr).not.toMatch(/ at .*\.ts:\d+/);
  });

  it('of another kind is refused with those there are', async () => {
    const { code, stderr } = await index('int4', '--precision', 'int4');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error \[INVALID_ARGUMENT\]: .*--precision.*int4.*model, int8/);
  });
});

describe('a tokenizer with ids that the model has no embedding for', () => {
  it.each([
    ['index', ['index', 'foreign', '--data', '@train.jsonl', '--encoder', '@foreign']],
    ['models inspect', ['models', 'inspect', '@foreign']],
  ])('is refused by fungi %s', async (_, argv) => {
    const { code, stdout, stderr } = await workspace.fungi(argv);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/^error \[TOKENIZER_INVALID\]: .*ids up to 60, the model embeddings for ids below 60/);
    expect(stderr).toMatch(/^hint: .*one repository/m);
    const json = await workspace.fungi([...argv, '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'TOKENIZER_INVALID' } });
  });

  it('is taken where there are as many', async () => {
    expect((await workspace.fungi(['models', 'inspect', '@own'])).code).toBe(0);
  });
});
