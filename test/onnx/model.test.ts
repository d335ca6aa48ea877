/** Model files as they come: whole, cut short, changed, of another kind, with their weights elsewhere. */
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { readModel } from '../../src/onnx/model.js';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx/proto/onnx_pb.js';
import { integers, scalarValue } from '../../src/onnx/tensor.js';
import { fixture } from '../support/golden.js';

const FIXTURES = [
  'op14-erf',
  'op17-erf',
  'op17-fused',
  'op17-gemm',
  'op17-sdpa',
  'op17-session',
  'op17-tanh',
  'op20-gelu',
  'pooled',
];
const EXPORT = fixture('fungi/tiny-bert/op17-erf.onnx');
/** The size up to which a constant is kept in memory. */
const INLINE_BYTES = 1024;

let scratch: string;
let whole: Buffer;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'model-'));
  whole = await readFile(EXPORT);
});
afterAll(() => rm(scratch, { recursive: true }));

async function written(bytes: Uint8Array | string, name = 'model.onnx'): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, bytes);
  return path;
}

async function refusal(path: string): Promise<FungiError> {
  const error: unknown = await readModel(path).then(
    () => new Error(`${path} was read`),
    (cause: unknown) => cause,
  );
  if (FungiError.is(error)) return error;
  throw error;
}

const external = (tensor: TensorProto): boolean => tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
const entry = (tensor: TensorProto, key: string): string | undefined =>
  tensor.externalData.find((pair) => pair.key === key)?.value;

/** Every byte array that is reachable from a value. */
function byteArrays(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(byteArrays) : [];
}

describe.each(FIXTURES)('%s.onnx', (name) => {
  const path = fixture(`fungi/tiny-bert/${name}.onnx`);

  it('keeps its weights where they are: every large constant is a reference to its own bytes', async () => {
    const model = await readModel(path);
    const file = await readFile(path);
    const proto = fromBinary(ModelProtoSchema, file);
    const original = new Map(proto.graph!.initializer.map((tensor) => [tensor.name, tensor.rawData]));
    const referenced = model.proto.graph!.initializer.filter(external);
    const large = [...original].filter(([, bytes]) => bytes.length > INLINE_BYTES).map(([name]) => name);
    expect(large.length).toBeGreaterThanOrEqual(10);
    expect(referenced.map(({ name }) => name)).toEqual(expect.arrayContaining(large));
    for (const tensor of referenced) {
      expect(tensor.rawData).toHaveLength(0);
      expect(entry(tensor, 'location')).toBe(basename(path));
      const [offset, length] = [Number(entry(tensor, 'offset')), Number(entry(tensor, 'length'))];
      expect(length).toBeGreaterThan(INLINE_BYTES);
      expect(file.subarray(offset, offset + length).equals(original.get(tensor.name)!)).toBe(true);
    }
  });

  it('holds small constants itself, and nothing that keeps the bytes of the file in memory', async () => {
    const { proto } = await readModel(path);
    const inline = proto.graph!.initializer.filter((tensor) => !external(tensor));
    expect(inline.length).toBeGreaterThan(0);
    for (const tensor of inline) expect(tensor.rawData.length).toBeLessThanOrEqual(INLINE_BYTES);
    const { size } = await stat(path);
    expect(byteArrays(proto).filter((bytes) => bytes.buffer.byteLength >= size)).toEqual([]);
  });

  it('has its constants in one form, and its operator set', async () => {
    const { proto, opset } = await readModel(path);
    expect(proto.graph!.node.some((node) => node.opType === 'Constant')).toBe(false);
    expect(opset).toBe(name === 'pooled' ? 17 : Number(/op(\d+)/.exec(name)![1]));
  });
});

it('reads Constant nodes in every form', async () => {
  const constant = (name: string, value: MessageInitShape<typeof AttributeProtoSchema>): NodeProto =>
    create(NodeProtoSchema, {
      opType: 'Constant',
      output: [name],
      attribute: [create(AttributeProtoSchema, { ...value, name })],
    });
  const g = new GraphBuilder('constants');
  g.output(g.op('Neg', [g.input('x', 'float32', [1])]), 'float32', [1], 'y');
  const proto = fromBinary(ModelProtoSchema, g.build());
  proto.graph!.node.unshift(
    constant('value_float', { f: 0.5 }),
    constant('value_floats', { floats: [2.5] }),
    constant('value_int', { i: 7n }),
    constant('value_ints', { ints: [1n, -1n] }),
    constant('value', { t: create(TensorProtoSchema, { dataType: 7, dims: [1n], int64Data: [9n] }) }),
    constant('value_string', { s: new Uint8Array(1) }),
  );
  const { graph } = (await readModel(await written(toBinary(ModelProtoSchema, proto)))).proto;
  const tensors = new Map(graph!.initializer.map((tensor) => [tensor.name, tensor]));
  expect(scalarValue(tensors.get('value_float')!)).toBe(0.5);
  expect(scalarValue(tensors.get('value_floats')!)).toBe(2.5);
  expect(integers(tensors.get('value_int')!)).toEqual([7]);
  expect(tensors.get('value_int')!.dims).toEqual([]);
  expect(integers(tensors.get('value_ints')!)).toEqual([1, -1]);
  expect(integers(tensors.get('value')!)).toEqual([9]);
  expect(graph!.node.map((node) => node.opType)).toEqual(['Constant', 'Neg', 'Identity']); // of a string nothing is known
});

it('has one spelling of the standard domain, also inside branches', async () => {
  const g = new GraphBuilder('domains');
  const branch = create(NodeProtoSchema, { opType: 'Neg', domain: 'ai.onnx', input: ['x'], output: ['inner'] });
  const y = g.op('Neg', [g.input('x', 'float32', [1])], {}, { domain: 'ai.onnx' });
  g.output(y, 'float32', [1], 'y');
  const proto = fromBinary(ModelProtoSchema, g.build());
  proto.opsetImport = [create(OperatorSetIdProtoSchema, { domain: 'ai.onnx', version: 17n })];
  const attribute = create(AttributeProtoSchema, { name: 'then_branch', g: { node: [branch] } });
  proto.graph!.node.push(
    create(NodeProtoSchema, { opType: 'If', input: ['x'], output: ['z'], attribute: [attribute] }),
  );
  const { graph } = (await readModel(await written(toBinary(ModelProtoSchema, proto)))).proto;
  expect(graph!.node.map(({ domain }) => domain)).toEqual(['', '', '']);
  expect(graph!.node[2]!.attribute[0]!.g!.node[0]!.domain).toBe('');
});

it('goes by the real path of a linked file', async () => {
  const target = await written(whole, 'real.onnx');
  const link = join(scratch, 'link.onnx');
  await symlink(target, link);
  expect((await readModel(link)).path).toBe(await readModel(target).then((model) => model.path));
});

describe('a file that is not a whole model', () => {
  it('is refused wherever it was cut short', async () => {
    const last = whole.length - 1;
    const opsets = whole.length - 4; // the list of operator sets is the last field: this cut leaves valid protobuf
    const offsets = [0, 1, 2, 3, 10, 20, 100, ...Array.from({ length: 60 }, (_, i) => Math.floor((last * i) / 60)), last - 1, last, opsets];
    for (const size of offsets) {
      const error = await refusal(await written(whole.subarray(0, size)));
      expect(error.code, `${size} bytes`).toBe('MODEL_CORRUPT');
      expect(error.message, `${size} bytes`).toContain(`model.onnx (${size} bytes)`);
      expect(error.hint).toContain('Download it again');
    }
  }); // prettier-ignore

  it('never fails otherwise than by a typed error, wherever bytes were changed', async () => {
    const flip = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flip, async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, by] of changes) bytes[at]! ^= by;
        const outcome: unknown = await readModel(await written(bytes)).catch((error: unknown) => error);
        expect(!(outcome instanceof Error) || FungiError.is(outcome), String(outcome)).toBe(true);
      }),
      { numRuns: 60, seed: 1 },
    );
  }); // prettier-ignore

  it.each([
    ['text', 'this is not a model'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90405214\n'],
    ['a web page', '<!doctype html><title>404</title>'],
    ['JSON', '{"model_type": "bert"}'],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13)],
    ['zeros', new Uint8Array(64)],
    ['nothing', ''],
  ])('is refused when it is %s', async (_, content) => {
    expect((await refusal(await written(content))).code).toBe('MODEL_CORRUPT');
  });

  it.each(['absent.onnx', '.'])('is refused by name when it cannot be read: %s', async (name) => {
    const path = join(scratch, name);
    const error = await refusal(path);
    expect(error.code).toBe('FILE_NOT_FOUND');
    expect(error.message).toContain(path);
  });
});

describe('operator sets', () => {
  const model = (opset: number): Promise<string> => {
    const g = new GraphBuilder('tiny', opset);
    g.output(g.op('Neg', [g.input('x', 'float32', [1])]), 'float32', [1], 'y');
    return written(g.build());
  };

  it('below 11 are refused with the limit and the way out', async () => {
    const error = await refusal(await model(10));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/model\.onnx: operator set 10 .* 11/);
    expect(error.hint).toContain('newer opset');
  });

  it('from 11 on are read', async () => {
    for (const opset of [11, 20]) expect((await readModel(await model(opset))).opset).toBe(opset);
  });
});

describe('functions that the file defines', () => {
  const model = (called: string): Promise<string> => {
    const g = new GraphBuilder('tiny');
    g.output(g.op(called, [g.input('x', 'float32', [1])], {}, { domain: 'pkg.torch' }), 'float32', [1], 'y');
    const proto = fromBinary(ModelProtoSchema, g.build());
    proto.functions.push(
      create(FunctionProtoSchema, { domain: 'pkg.torch', name: 'Dense', input: ['x'], output: ['y'] }),
    );
    return written(toBinary(ModelProtoSchema, proto));
  };

  it('are refused by name where the graph calls one', async () => {
    const error = await refusal(await model('Dense'));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain('pkg.torch.Dense');
    expect(error.hint).toContain('inline');
  });

  it('do not matter where it calls none', async () => {
    await expect(readModel(await model('Other'))).resolves.toBeDefined();
  });
});

describe('weights in a file of their own', () => {
  const LENGTH = 4096;

  /** A model whose weight is bytes 16 … 16+4096 of `weights.bin`. */
  async function model(name: string, weights: number | undefined): Promise<string> {
    const folder = await mkdtemp(join(scratch, `${name}-`));
    const g = new GraphBuilder('tiny');
    const w = g.external('w', 'float32', [32, 32], { location: 'weights.bin', offset: 16, length: LENGTH });
    g.output(g.op('MatMul', [g.input('x', 'float32', [1, 32]), w]), 'float32', [1, 32], 'y');
    await writeFile(join(folder, 'model.onnx'), g.build());
    if (weights !== undefined) await writeFile(join(folder, 'weights.bin'), new Uint8Array(weights));
    return join(folder, 'model.onnx');
  }

  it('are left there', async () => {
    const { proto } = await readModel(await model('whole', 16 + LENGTH));
    const [tensor] = proto.graph!.initializer;
    expect(['location', 'offset', 'length'].map((key) => entry(tensor!, key))).toEqual([
      'weights.bin',
      '16',
      String(LENGTH),
    ]);
  });

  it('are missed by name', async () => {
    const error = await refusal(await model('missing', undefined));
    expect(error.code).toBe('MODEL_CORRUPT');
    expect(error.message).toMatch(/model\.onnx.*weights\.bin/);
    expect(error.hint).toContain('weights.bin');
  });

  it('are refused when a byte is missing', async () => {
    const error = await refusal(await model('short', 16 + LENGTH - 1));
    expect(error.code).toBe('MODEL_CORRUPT');
    for (const part of ['weights.bin', String(15 + LENGTH), String(16 + LENGTH)]) expect(error.message).toContain(part);
  });
});
