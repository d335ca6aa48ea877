/** The values of tensors as files hold them: raw, in typed fields, beside the model; and what is wrong with damaged ones. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TensorProtoSchema, type TensorProto } from '../../src/onnx/proto/onnx_pb.js';
import { inlineTensorData, tensorData } from '../../src/onnx/tensor-data.js';
import { elementCode, externalTensor, inlineTensor, type ConstantData, type ElementType } from '../../src/onnx/tensor.js'; // prettier-ignore

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensor-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

const raw = (type: ElementType, bytes: Uint8Array, shape: readonly number[]): TensorProto =>
  create(TensorProtoSchema, { name: 'w', dataType: elementCode(type), dims: shape.map(BigInt), rawData: bytes });

/** binary16 → the bits of the float32 of the same value, by shifting fields as the formats are laid out. */
function float32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  let [exponent, fraction] = [(half >> 10) & 31, half & 1023];
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent === 0) {
    if (fraction === 0) return sign;
    for (exponent = 1; (fraction & 1024) === 0; exponent--) fraction <<= 1;
  }
  return sign | ((exponent + 112) << 23) | ((fraction & 1023) << 13);
}

const ALL = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const bitsOf = (values: Float32Array): Int32Array => new Int32Array(values.buffer);

describe('half precision', () => {
  it('reads each of the 65,536 float16 values', () => {
    const { type, data } = inlineTensorData(raw('float16', new Uint8Array(ALL.buffer), [256, 256]), 'model');
    expect(type).toBe('float32');
    const expected = new Float32Array(Int32Array.from(ALL, float32Bits).buffer);
    expect(data).toEqual(expected);
    const zeros = bitsOf(data as Float32Array).filter((_, i) => (i & 0x7fff) === 0);
    expect([...zeros]).toEqual([0, -(2 ** 31)]);
  });

  it('reads each of the 65,536 bfloat16 values', () => {
    const { data } = inlineTensorData(raw('bfloat16', new Uint8Array(ALL.buffer), [0x10000]), 'model');
    const numbers = bitsOf(data as Float32Array).filter((_, i) => !Number.isNaN((data as Float32Array)[i]));
    const patterns = ALL.filter((_, i) => !Number.isNaN((data as Float32Array)[i])).map((pattern) => pattern);
    expect([...numbers].map((bits) => (bits >>> 16) & 0xffff)).toEqual([...patterns]);
    expect(numbers.every((bits) => (bits & 0xffff) === 0)).toBe(true);
  });

  it('keeps order and sign: a larger pattern is a larger number', () => {
    const finite = fc.integer({ min: 0, max: 0x7bff });
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const read = (bits: number[]): number[] => [
          ...(inlineTensorData(raw('float16', new Uint8Array(Uint16Array.from(bits).buffer), [bits.length]), 'm')
            .data as Float32Array),
        ];
        const [x, y, minusX] = read([a, b, a | 0x8000]) as [number, number, number];
        expect(Math.sign(x - y)).toBe(Math.sign(a - b));
        expect(minusX).toBe(-x);
      }),
    );
  });
});

const TYPES: readonly (readonly [ElementType, ConstantData])[] = [
  ['float32', Float32Array.of(1.5, -0, Infinity)],
  ['float64', Float64Array.of(Math.PI, 5e-324, -1)],
  ['int64', BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 0n)],
  ['int32', Int32Array.of(2 ** 31 - 1, -(2 ** 31), 7)],
  ['int8', Int8Array.of(-128, 127, 0)],
  ['uint8', Uint8Array.of(0, 128, 255)],
  ['bool', Uint8Array.of(0, 1, 1)],
];

describe('inline', () => {
  it.each(TYPES)('reads raw %s, wherever its bytes start', (type, data) => {
    expect(inlineTensorData(inlineTensor('w', type, data, [3]), 'model')).toEqual({ type, data, shape: [3] });
    const shifted = new Uint8Array(data.byteLength + 1);
    shifted.set(new Uint8Array(data.buffer), 1);
    expect(inlineTensorData(raw(type, shifted.subarray(1), [3]), 'model').data).toEqual(data);
    expect(inlineTensorData(raw(type, Buffer.from(shifted.buffer, 1), [3]), 'model').data).toEqual(data);
  });

  it('reads typed fields', () => {
    const tensor = (type: ElementType, fields: object): TensorProto =>
      create(TensorProtoSchema, { name: 'w', dataType: elementCode(type), dims: [2n], ...fields });
    const read = (type: ElementType, fields: object): unknown[] =>
      Array.from(inlineTensorData(tensor(type, fields), 'model').data as Float32Array);
    expect(read('float32', { floatData: [1.5, -2] })).toEqual([1.5, -2]);
    expect(read('float64', { doubleData: [0.1, -2] })).toEqual([0.1, -2]);
    expect(read('int64', { int64Data: [2n ** 60n, -1n] })).toEqual([2n ** 60n, -1n]);
    expect(read('int32', { int32Data: [5, -1] })).toEqual([5, -1]);
    expect(read('int8', { int32Data: [5, -1] })).toEqual([5, -1]);
    expect(read('uint8', { int32Data: [5, 255] })).toEqual([5, 255]);
    expect(read('bool', { int32Data: [0, 1] })).toEqual([0, 1]);
    expect(read('float16', { int32Data: [0x3c00, 0xc100] })).toEqual([1, -2.5]);
    expect(read('bfloat16', { int32Data: [0x3f80, 0xc020] })).toEqual([1, -2.5]);
  });

  it('takes empty tensors and scalars', () => {
    expect(inlineTensorData(raw('float32', new Uint8Array(), [0, 3]), 'model')).toMatchObject({ shape: [0, 3] });
    expect(inlineTensorData(inlineTensor('w', 'float32', Float32Array.of(2), []), 'model').data).toEqual(Float32Array.of(2)); // prettier-ignore
  });

  it('refuses bytes that are not those of the shape, and types without numbers', () => {
    const message = 'model: tensor "w": 12 bytes, its shape [4] of float32 takes 16';
    expect(() => inlineTensorData(inlineTensor('w', 'float32', new Float32Array(3), [4]), 'model')).toThrow(
      expect.objectContaining({ code: 'MODEL_CORRUPT', message }) as Error,
    );
    const strings = create(TensorProtoSchema, { name: 'w', dataType: 8, dims: [1n] });
    expect(() => inlineTensorData(strings, 'model')).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }) as Error,
    );
  });
});

describe('external', () => {
  const external = (location: string, offset = 8, length = 12): TensorProto =>
    externalTensor('w', elementCode('float32'), [3], { location, offset, length });

  it('reads its range of the file', async () => {
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(9, 9, 1, 2, 3, 9).buffer));
    const expected = { type: 'float32', data: Float32Array.of(1, 2, 3), shape: [3] };
    expect(await tensorData(external('weights.bin'), folder, 'model')).toEqual(expected);
    const bare = external('weights.bin');
    bare.externalData = bare.externalData.filter(({ key }) => key !== 'length');
    expect(await tensorData(bare, folder, 'model')).toEqual(expected);
    const inline = inlineTensor('w', 'float32', Float32Array.of(1, 2, 3), [3]);
    expect(await tensorData(inline, folder, 'model')).toEqual(expected);
  });

  it.each([
    [
      'a range beyond the file',
      external('weights.bin', 16),
      /weights\.bin: .*bytes 16 to 16 \+ 12 .*file has 24 bytes/,
    ],
    ['a length that is not the shape’s', external('weights.bin', 0, 8), /bytes 0 to 0 \+ 8 .*shape \[3\] takes 12 bytes/], // prettier-ignore
    ['a negative offset', external('weights.bin', -4), /bytes -4/],
    ['a file that is not there', external('absent.bin'), /absent\.bin.*cannot be read: ENOENT/],
  ])('refuses %s', async (_, tensor, message) => {
    const expected = { code: 'MODEL_CORRUPT', message: expect.stringMatching(message) as string };
    await expect(tensorData(tensor, folder, 'model')).rejects.toMatchObject(expected);
  });

  it.each(['../weights.bin', '/etc/hostname', '', 'below/../../weights.bin', '..', 'weights.bin\0'])(
    'refuses a file elsewhere: "%s"',
    async (location) => {
      await expect(tensorData(external(location), folder, 'model')).rejects.toMatchObject({
        code: 'MODEL_UNSUPPORTED',
        message: `model: its weights are in ${JSON.stringify(location)}, which is not a file beside it`,
      });
    },
  );
});
