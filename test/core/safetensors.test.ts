import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import {
  readSafetensors,
  readSafetensorsHeader,
  writeSafetensors,
  type SafetensorsTensor,
} from '../../src/core/safetensors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** safetensors.numpy.save({w: f32 [[1.5,-2],[3,4]], ids: i64 [1,-9007199254740993], scalar: f64 2.5, empty: i8 (0,3)}, {format: np}), 0.6 */
const FROM_PYTHON =
  'CAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJpZHMiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlswLDE2XX0sInNjYWxhciI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbXSwiZGF0YV9vZmZzZXRzIjpbMTYsMjRdfSwidyI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwyXSwiZGF0YV9vZmZzZXRzIjpbMjQsNDBdfSwiZW1wdHkiOnsiZHR5cGUiOiJJOCIsInNoYXBlIjpbMCwzXSwiZGF0YV9vZmZzZXRzIjpbNDAsNDBdfX0BAAAAAAAAAP///////9//AAAAAAAABEAAAMA/AAAAwAAAQEAAAIBA';

async function fileOf(bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, 'case.safetensors');
  await writeFile(path, bytes);
  return path;
}

/** A file with this header and `body` bytes after it. */
function withHeader(header: unknown, body: number, claimed?: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed ?? json.length));
  return Buffer.concat([length, json, Buffer.alloc(body)]);
}

const entry = (start: number, end: number, shape = [(end - start) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

async function failure(bytes: Uint8Array): Promise<FungiError> {
  const path = await fileOf(bytes);
  const error: unknown = await readSafetensorsHeader(path).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FungiError);
  expect((error as FungiError).message).toContain(path);
  return error as FungiError;
}

describe('reading', () => {
  it('reads what the reference implementation wrote', async () => {
    const path = await fileOf(Buffer.from(FROM_PYTHON, 'base64'));
    const { tensors, metadata } = await readSafetensorsHeader(path);
    expect(metadata).toEqual({ format: 'np' });
    expect(tensors.get('w')).toEqual({ dtype: 'F32', shape: [2, 2], offset: 8 + 264 + 24, bytes: 16 });

    const values = await readSafetensors(path);
    expect(values.get('w')).toEqual({ dtype: 'F32', shape: [2, 2], data: Float32Array.of(1.5, -2, 3, 4) });
    expect(values.get('ids')?.data).toEqual(BigInt64Array.of(1n, -9007199254740993n));
    expect(values.get('scalar')).toEqual({ dtype: 'F64', shape: [], data: Float64Array.of(2.5) });
    expect(values.get('empty')).toEqual({ dtype: 'I8', shape: [0, 3], data: new Int8Array(0) });
  });

  it('lists a type it cannot read, and refuses only its values', async () => {
    const path = await fileOf(withHeader({ half: entry(0, 4, [2], 'BF16'), odd: entry(4, 5, [7], 'F1') }, 5));
    expect((await readSafetensorsHeader(path)).tensors.get('odd')?.bytes).toBe(1);
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('"half" has type BF16') as string,
    });
  });

  it('names a file that is not there', async () => {
    await expect(readSafetensorsHeader(join(folder, 'none'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /0 bytes are too few/],
    ['a header longer than the file', withHeader({}, 0, 1000), /claims 1000 bytes, the file has 10/],
    ['an absurd header length', Buffer.alloc(100, 0xff), /claims 18446744073709552000 bytes/],
    ['a header that is not JSON', withHeader('{"w":', 0), /not JSON/],
    ['a header that is not UTF-8', withHeader('x', 0).with(8, 0xff), /not JSON/],
    ['a header that is a list', withHeader([], 0), /not a JSON object/],
    ['metadata that are not strings', withHeader({ __metadata__: { a: 1 } }, 0), /map of strings/],
    ['an entry without offsets', withHeader({ w: { dtype: 'F32', shape: [1] } }, 4), /"w" is malformed/],
    ['negative dimensions', withHeader({ w: entry(0, 4, [-1]) }, 4), /"w" is malformed/],
    ['a shape that does not fill its bytes', withHeader({ w: entry(0, 8, [3]) }, 8), /takes 12 bytes, not 8/],
    ['a reversed range', withHeader({ w: entry(8, 4, [1]) }, 8), /takes 4 bytes, not -4/],
    ['overlapping tensors', withHeader({ v: entry(0, 8), w: entry(4, 12) }, 12), /"w" starts at byte \d+, where/],
    ['a hole', withHeader({ v: entry(0, 4), w: entry(8, 12) }, 12), /"w" starts at byte/],
    ['a truncated file', withHeader({ v: entry(0, 4), w: entry(4, 12) }, 11), /"w" ends at byte \d+, .* truncated/],
    ['bytes after the tensors', withHeader({ w: entry(0, 4) }, 5), /the tensors end at byte/],
  ])('refuses %s', async (_, bytes, reason) => {
    const error = await failure(bytes);
    expect(error.code).toBe('MODEL_CORRUPT');
    expect(error.message).toMatch(reason);
  });

  it('refuses every proper prefix of a good file', async () => {
    const good = Buffer.from(FROM_PYTHON, 'base64');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1 }), async (end) => {
        expect((await failure(good.subarray(0, end))).code).toBe('MODEL_CORRUPT');
      }),
      { numRuns: 50 },
    );
  });
});

const tensorArb: fc.Arbitrary<SafetensorsTensor> = fc.oneof(
  fc.float32Array({ maxLength: 9 }).map((data) => ({ dtype: 'F32' as const, shape: [data.length], data })),
  fc.float64Array({ maxLength: 9 }).map((data) => ({ dtype: 'F64' as const, shape: [1, data.length], data })),
  fc.bigInt64Array({ maxLength: 9 }).map((data) => ({ dtype: 'I64' as const, shape: [data.length], data })),
  fc.int32Array({ maxLength: 9 }).map((data) => ({ dtype: 'I32' as const, shape: [data.length, 1], data })),
  fc.int8Array({ maxLength: 9 }).map((data) => ({ dtype: 'I8' as const, shape: [data.length], data })),
  fc.uint8Array({ maxLength: 9 }).map((data) => ({ dtype: 'U8' as const, shape: [data.length], data })),
);
const nameArb = fc.string({ maxLength: 12, unit: 'grapheme' }).filter((name) => name !== '__metadata__');

describe('writing', () => {
  it('gives back what was written, whatever the names, types and sizes', async () => {
    const path = join(folder, 'round.safetensors');
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(nameArb, tensorArb), { selector: ([name]) => name, maxLength: 6 }),
        async (list) => {
          await writeSafetensors(path, new Map(list), { made: 'by a test' });
          const back = await readSafetensors(path);
          expect([...back].sort()).toEqual([...new Map(list)].sort());
          expect((await readSafetensorsHeader(path)).metadata).toEqual({ made: 'by a test' });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is deterministic: the order of tensors and metadata does not show', async () => {
    const one: SafetensorsTensor = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
    const two: SafetensorsTensor = { dtype: 'I8', shape: [2], data: Int8Array.of(1, 2) };
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    await writeSafetensors(a, new Map([['x', one], ['y', two]]), { p: '1', q: '2' }); // prettier-ignore
    await writeSafetensors(b, new Map([['y', two], ['x', one]]), { q: '2', p: '1' }); // prettier-ignore
    expect(await readFile(a)).toEqual(await readFile(b));
  });

  it('writes the view it was given, not the buffer behind it', async () => {
    const path = join(folder, 'view');
    const data = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
    await writeSafetensors(path, new Map([['v', { dtype: 'F32', shape: [2], data }]]));
    expect((await readSafetensors(path)).get('v')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('leaves the old file and no litter when a tensor is wrong', async () => {
    const path = await fileOf(Buffer.from(FROM_PYTHON, 'base64'));
    const before = await readdir(folder);
    const bad = new Map([['w', { dtype: 'F32' as const, shape: [3], data: Float32Array.of(1, 2) }]]);
    await expect(writeSafetensors(path, bad)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await readSafetensorsHeader(path)).tensors.size).toBe(4);
    expect(await readdir(folder)).toEqual(before);
  });
});
