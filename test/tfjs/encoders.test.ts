/** Whole encoders of each family, trunk and all, against onnxruntime: kernels as exporters combine them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ModelProtoSchema, type GraphProto } from '../../src/onnx/proto/onnx_pb.js';
import { inlineTensorData } from '../../src/onnx/tensor-data.js';
import { int64, Session, type Feeds } from '../../src/runtime/session.js';
import { TfjsGraph } from '../../src/tfjs/graph.js';
import { relativeError } from '../onnx/vjp-check.js';

const FOLDER = new URL('../golden/fixtures/families/', import.meta.url);

/** Two texts of different length, the shorter one padded. */
function feedsFor(graph: GraphProto): Feeds {
  const [rows, tokens] = [2, 5];
  const values: Readonly<Record<string, readonly number[]>> = {
    input_ids: [2, 7, 9, 11, 3, 2, 5, 3, 1, 1],
    attention_mask: [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
    token_type_ids: Array.from({ length: rows * tokens }, () => 0),
  };
  return Object.fromEntries(
    graph.input.map(({ name }) => [name, int64(BigInt64Array.from(values[name]!.map(BigInt)), [rows, tokens])]),
  );
}

async function check(path: URL, label: string): Promise<void> {
  const bytes = readFileSync(path);
  const model = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  const opset = Number(model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')!.version);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, inlineTensorData(tensor, label)]));
  const [feeds, output] = [feedsFor(graph), graph.output[0]!.name];
  const session = await Session.load(bytes, label, { threads: 1 });
  const expected = (await session.run(feeds, [output]))[output]!;
  await session.release();
  const tfjs = await TfjsGraph.create({ name: label, opset, nodes: graph.node, constants });
  const found = (await tfjs.run(feeds, [output]))[output]!;
  tfjs.dispose();
  expect(found.shape).toEqual(expected.shape);
  expect(relativeError(found.data as Float32Array, expected.data as Float32Array)).toBeLessThan(2e-5);
}

describe.each(readdirSync(FOLDER))('%s', (family) => {
  it.each(['plain', 'optimised'])('%s', (form) =>
    check(new URL(`${family}/${form}.onnx`, FOLDER), `${family} ${form}`),
  );
});
