/** `fungi models inspect`: what it says of a model, for people and as JSON. Sizes are counted by hand. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModel } from '../encoders/tiny-model.js';
import { EditedModels, HIDDEN, TINY_BERT, TINY_WIDTH as D } from '../support/edited-model.js';
import { exactInt8 } from '../support/exact-int8.js';
import { fixture } from '../support/golden.js';
import { writeWideBert } from '../support/wide-bert.js';
import { Workspace } from './support.js';

let workspace: Workspace;
let models: EditedModels;
beforeAll(async () => {
  workspace = await Workspace.create();
  models = await EditedModels.create();
  await addModel('bert', TINY_BERT);
  await addModel('dynamic', fixture('families/bert/dynamic.onnx'));
  await addModel('fixed', fixture('families/bert/qdq.onnx'));
  await addModel('no-rule', await models.write((edit) => edit.node('Asinh', [edit.renamed(HIDDEN)], HIDDEN)));
});
afterAll(() => Promise.all([workspace.remove(), models.remove()]));

/** A folder with the tokenizer of the tiny model and this graph. */
async function addModel(name: string, graph: string): Promise<void> {
  const { 'vocab.txt': vocabulary, 'tokenizer_config.json': config } = await tinyModel();
  const files = { 'vocab.txt': vocabulary!, 'tokenizer_config.json': config!, 'model.onnx': await readFile(graph) };
  await workspace.write(files, name);
}

async function inspected(name: string, ...more: string[]) {
  const argv = ['models', 'inspect', `@${name}`, ...more];
  const [text, json] = [await workspace.fungi(argv), await workspace.fungi([...argv, '--json'])];
  expect([text.code, text.stderr, json.code, json.stderr]).toEqual([0, '', 0, '']);
  return { text: text.stdout, json: json.json() };
}

/** The tiny BERT: 2 layers of width 32 and 64; "a b c d" is 6 tokens, two of them special. */
const [T, I, LATENT] = [6, 64, 768];
const linear = (from: number, to: number): number => from * to + to;
const NORM = 2 * D;
const EMBEDDINGS = (60 + 40 + 2) * D + NORM;
const BEHIND = linear(D, D) + NORM + linear(D, I) + linear(I, D) + NORM;
const ATTENDED = 3 * linear(D, D);
/** FLOPs of one token behind the cut: output projection, two layers of the perceptron. */
const TOKEN_BEHIND = 2 * D * D + 2 * (2 * D * I);
/** Queries, keys, values; scores and their product with the values. */
const ATTENTION = T * 3 * 2 * D * D + 2 * (2 * T * T * D);

describe('a BERT', () => {
  it.each([
    ['first', 1, /^behind the cut +token 0 alone$/m],
    ['mean', T, /^behind the cut +every token, as pooling mean needs$/m],
  ] as const)(
    'pooled by %s: target, cut, checks, derivatives, and what a text costs',
    async (pooling, tokens, behind) => {
      const { json, text } = await inspected('bert', '--pooling', pooling);
      const layer = '/model/encoder/layer.1/attention';
      const trunk = 2 * ATTENTION + T * TOKEN_BEHIND;
      const tail = tokens * TOKEN_BEHIND;
      // To the head and back, and back through the perceptron.
      const gradient = tail + 2 * (2 * D * LATENT) + tokens * 2 * (2 * D * I);
      expect(json).toMatchObject({
        id: workspace.path('bert'),
        modelPath: workspace.path('bert', 'model.onnx'),
        opset: 17,
        inputs: ['input_ids', 'attention_mask', 'token_type_ids'],
        maxTokens: 20,
        output: HIDDEN,
        dims: D,
        pooling,
        poolingSource: 'option',
        quantised: false,
        entangled: false,
        target: { node: `${layer}/output/dense/MatMul`, inFeatures: D, outFeatures: D, bias: true },
        boundary: [
          { name: `${layer}/self/Reshape_3_output_0`, width: D, type: 'float32' },
          { name: '/model/encoder/layer.0/output/LayerNorm/LayerNormalization_output_0', width: D, type: 'float32' },
        ],
        sliced: pooling === 'first',
        flops: { tokens: T, uncut: 2 * (ATTENTION + T * TOKEN_BEHIND), trunk, tail, gradient },
      });
      expect(text).toMatch(behind);
      expect(text).toMatch(new RegExp(`^pooling +${pooling} \\(option\\)$`, 'm'));
      expect(text).toMatch(/^target layer +\S+\/output\/dense\/MatMul: 32 → 32, with bias$/m);
      expect(text).toMatch(
        /^cut at +\S+Reshape_3_output_0 \(32, float32\); \S+LayerNormalization_output_0 \(32, float32\)$/m,
      );
      expect(text).toMatch(
        /^checked +cut against whole: f\(x\) differs by \d\.\de-\d; beside a longer text by (?:0|\d\.\de-\d)$/m,
      );
      const gigas = [2 * (ATTENTION + T * TOKEN_BEHIND), trunk + tail, trunk + gradient].map((n) =>
        (n / 1e9).toPrecision(3),
      );
      expect(text).toContain(
        `of 6 tokens takes ${gigas[0]!} GFLOP whole, ${gigas[1]!} as it is cut, ${gigas[2]!} with the KL gradient\n`,
      );
    },
  );

  it('has the parameters that it has, on each side of the cut, and a few numbers beside', async () => {
    const { json, text } = await inspected('bert');
    const { trunk, tail, types } = (json as { parameters: { trunk: number; tail: number; types: Record<string, number> } }).parameters; // prettier-ignore
    const numbers = [trunk - (EMBEDDINGS + ATTENDED + (BEHIND + ATTENDED)), tail - BEHIND];
    for (const count of numbers) {
      expect(count).toBeGreaterThanOrEqual(0);
      expect(count).toBeLessThan(10);
    }
    expect(types).toEqual({ float32: trunk + tail });
    expect(text).toMatch(/^parameters +20\.4 k \(20\.4 k float32\); 5\.4 k of them behind the cut$/m);
  });

  it('has checks that are differences of f(x), and derivatives of all it needs', async () => {
    const { json, text } = await inspected('bert');
    const { checks, operators } = json as { checks: { cut: number; padding: number }; operators: { rule: boolean }[] };
    for (const difference of [checks.cut, checks.padding]) expect(difference).toBeLessThan(1e-5);
    expect(operators.every(({ rule }) => rule)).toBe(true);
    expect(operators).toContainEqual({ op: 'LayerNormalization', count: 2, rule: true });
    expect(operators).toContainEqual({ op: 'Erf', count: 1, rule: true });
    expect(text).toMatch(/^derivatives +Add × 6, LayerNormalization × 2, MatMul × 2, /m);
    expect(json).not.toHaveProperty('undifferentiable');
  });
});

it.each([
  ['dynamic', true, /^quantised +with scales taken from the batch: each text runs alone$/m],
  ['fixed', false, /^quantised +with fixed scales$/m],
])('a quantised file alone (%s) has no target and no derivatives, and says why', async (name, entangled, scales) => {
  const { json, text } = await inspected(name);
  const reason = expect.stringMatching(/model\.onnx is quantised, and rounding has no derivative$/) as string;
  expect(json).toMatchObject({ quantised: true, entangled, operators: [], undifferentiable: reason });
  expect(json).not.toHaveProperty('target');
  expect(json).not.toHaveProperty('flops.gradient');
  expect(text).toMatch(scales);
  expect(text).toMatch(/^target layer +none$/m);
  expect(text).toMatch(/^derivatives +none: .*model\.onnx is quantised, and rounding has no derivative$/m);
  expect(text).not.toContain('KL gradient');
});

it('lists what else can be the target, and takes it: an earlier layer leaves later attention to the tail', async () => {
  const { json, text } = await inspected('bert');
  const { targets } = json as { targets: { name: string; block: number; kind: string; inFeatures: number }[] };
  expect(targets.map(({ block, kind, inFeatures }) => [block, kind, inFeatures])).toEqual([
    [0, 'attention-output', D],
    [0, 'mlp-output', I],
    [1, 'attention-output', D],
    [1, 'mlp-output', I],
  ]);
  const first = targets[0]!.name;
  expect(text).toMatch(/^other targets +4 layers of 2 blocks \(--json lists them\), the first is /m);
  expect(text).toContain(first);

  const earlier = await inspected('bert', '--target', first);
  expect(earlier.json).toMatchObject({ target: { tensor: first } });
  expect(earlier.text).toMatch(/^behind the cut +every token, as attention needs them$/m);
  expect(earlier.text).toMatch(/^verdict +embeddings and gradients$/m);
  const { flops } = earlier.json as { flops: { uncut: number; trunk: number; tail: number; gradient: number } };
  expect(flops.trunk).toBe(ATTENTION);
  expect(flops.trunk + flops.tail).toBe(flops.uncut);
  expect(flops.gradient).toBeGreaterThan(2 * flops.tail);
});

it('an operator without a rule is named, with the engine that may do', async () => {
  const { json, text } = await inspected('no-rule');
  expect(json).toMatchObject({ undifferentiable: expect.stringContaining('Asinh') as string, tfjs: true });
  const { operators, flops } = json as { operators: object[]; flops: object };
  expect(operators).toContainEqual({ op: 'Asinh', count: 1, rule: false });
  expect(flops).not.toHaveProperty('gradient');
  expect(text).toMatch(
    /^derivatives +none: .*operator Asinh .* has no derivative rule; --engine tfjs can\. Operators: Add × 6, .*Asinh × 1 \(no rule\)$/m,
  );
});

it.skipIf(!(await exactInt8()))(
  'in int8 it tells how many products are, and how far that is from float32',
  async () => {
    await writeWideBert(workspace.path('wide'));
    const { json, text } = await inspected('wide', '--precision', 'int8', '--quiet');
    // Six of the first layer, three of the second before the cut.
    expect(json).toMatchObject({ int8: { products: 9, error: expect.any(Number) as number } });
    expect((json as { int8: { error: number } }).int8.error).toBeLessThan(0.2);
    expect(text).toMatch(
      /^int8 +9 products; the states at the cut differ by 0\.\d{3} from those of the file \(0\.2 is allowed\)$/m,
    );
  },
);

it('a model that is not here is not fetched', async () => {
  const { code, stderr } = await workspace.fungi(['models', 'inspect', 'org/none'], { env: { HF_HUB_OFFLINE: '0' } });
  expect(code).toBe(4);
  expect(stderr).toMatch(/^error \[MODEL_NOT_FOUND\]: .*offline/);
});
