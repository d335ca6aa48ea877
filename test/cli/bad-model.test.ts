/** Models through the command line that cannot be used, or not for all: what a user's own export may be like. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { ModelProtoSchema, NodeProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { tinyModel } from '../encoders/tiny-model.js';
import { fixture } from '../support/golden.js';
import { Workspace, type Outcome } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const bert = await readFile(fixture('fungi/tiny-bert/op17-erf.onnx'));
  await addModel('whole', bert);
  await addModel('truncated', bert.subarray(0, bert.length / 2));
  await addModel('no-onnx', Buffer.from('<!doctype html><title>Sign in</title>'));
  await addModel('no-rule', withAsinh(bert));
  await addModel('no-attention', bagOfWords());
});
afterAll(() => workspace.remove());

/** A folder with the tokenizer of the tiny model and this graph. */
async function addModel(name: string, graph: Uint8Array): Promise<void> {
  const files = Object.entries(await tinyModel()).filter(([file]) => file !== 'model.safetensors');
  await workspace.write({ ...Object.fromEntries(files), 'model.onnx': Buffer.from(graph) }, name);
}

/** The encoder with a last operator that no rule knows. */
function withAsinh(bert: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bert);
  const graph = model.graph!;
  const output = graph.output[0]!.name;
  const last = graph.node.find((node) => node.output.includes(output))!;
  last.output = last.output.map((name) => (name === output ? 'before' : name));
  graph.node.push(create(NodeProtoSchema, { name: 'odd', opType: 'Asinh', input: ['before'], output: [output] }));
  return toBinary(ModelProtoSchema, model);
}

/** Token embeddings through one linear layer: no token sees another. */
function bagOfWords(): Uint8Array {
  const g = new GraphBuilder('bag');
  const ids = g.input('input_ids', 'int64', ['B', 'T']);
  const table = (name: string, rows: number): string =>
    g.constant(
      { type: 'float32', data: Float32Array.from({ length: rows * 8 }, (_, i) => Math.sin(i)), shape: [rows, 8] },
      name,
    );
  const hidden = g.op('MatMul', [g.op('Gather', [table('words', 60), ids]), table('weight', 8)]);
  g.output(hidden, 'float32', ['B', 'T', 8], 'last_hidden_state');
  return g.build();
}

const index = (model: string, ...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', model, '--encoder', `@${model}`, '--data', '@train.jsonl', ...more]);

it('an export like these, but whole, is taken', async () => {
  expect((await index('whole')).code).toBe(0);
});

it.each([
  ['a truncated .onnx', 'truncated', 'MODEL_CORRUPT', /truncated\/model\.onnx/],
  ['a .onnx that is something else', 'no-onnx', 'MODEL_CORRUPT', /no-onnx\/model\.onnx/],
  ['a graph without attention', 'no-attention', 'TARGET_NOT_FOUND', /no self-attention|no layer|--target/],
  ['an operator without a rule', 'no-rule', 'OP_UNSUPPORTED', /Asinh \(node "odd"\)/],
])('%s is refused by name', async (_, model, code, says) => {
  const { code: exit, stdout, stderr } = await index(model);
  expect(stderr).toMatch(new RegExp(`^error \\[${code}\\]: `, 'm'));
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^hint: /m);
  expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
  // Nothing half-made is left under the name.
  expect((await workspace.fungi(['indexes', 'list'])).stdout).not.toMatch(new RegExp(`^${model} `, 'm'));
});
