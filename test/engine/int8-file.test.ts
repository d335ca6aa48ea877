/** The file of int8 weights: where everything lies in it, and what is written there. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { layoutOf, writeWeights, type Layout, type Scheme } from '../../src/engine/int8-file.js';
import { quantisedColumns, smoothingOf, turned } from '../../src/engine/smoothing.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Graph } from '../../src/onnx/graph.js';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import {
  GELU_ZERO_POINT,
  productGroups,
  SYMMETRIC_ZERO_POINT,
  type ProductGroup,
} from '../../src/onnx/row-quantisation.js';
import { elementType, tensorShape } from '../../src/onnx/tensor.js';

/** K, and columns of the weights: no multiple of the alignment. */
const [K, N, M] = [67, 65, 71];
const rng = Rng.stream(9, 'int8 file');
const [shared, own] = [rng.uniform(N * K, 0.1), rng.uniform(K * M, 0.1)];
const channels = [rng.uniform(K, 3).map(Math.abs), rng.uniform(K, 3).map(Math.abs)];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-int8-file-'));
  await writeFile(join(folder, 'weights'), Buffer.concat([Buffer.from(shared.buffer), Buffer.from(own.buffer)]));
});
afterAll(() => rm(folder, { recursive: true }));

/** x and z are multiplied by one weight [N,K], kept transposed; x by another too. */
function groups(): ProductGroup[] {
  const g = new GraphBuilder('shared', 17);
  const [x, z] = ['x', 'z'].map((name) => g.input(name, 'float32', ['rows', K])) as [string, string];
  const place = { location: 'weights', offset: 0, length: 4 * N * K };
  const weight = g.op('Transpose', [g.external('shared', 'float32', [N, K], place)], { perm: [1, 0] });
  const other = g.external('own', 'float32', [K, M], { location: 'weights', offset: 4 * N * K, length: 4 * K * M });
  g.op('MatMul', [x, weight], {}, { outputs: ['y0'] });
  g.op('MatMul', [z, weight], {}, { outputs: ['y1'] });
  g.op('MatMul', [x, other], {}, { outputs: ['y2'] });
  const graph = new Graph(fromBinary(ModelProtoSchema, g.build()).graph!, ['y0', 'y1', 'y2']);
  return productGroups(graph, graph.nodes);
}

const SCHEMES: readonly Scheme[] = [
  { input: 'x', zeroPoint: SYMMETRIC_ZERO_POINT },
  { input: 'z', zeroPoint: GELU_ZERO_POINT },
];

function placesOf({ constants }: Layout) {
  return [...constants.values()].map((tensor) => {
    const entry = (name: string): string => tensor.externalData.find(({ key }) => key === name)!.value;
    const [shape, type] = [tensorShape(tensor), elementType(tensor.dataType)];
    return { name: tensor.name, shape, type, location: entry('location'), offset: Number(entry('offset')), length: Number(entry('length')) }; // prettier-ignore
  });
}

describe('the layout', () => {
  const layout = layoutOf(groups(), SCHEMES, 'int8.bin');
  const places = placesOf(layout);

  it('has a place for integers and scales of each product, and for the factors of what is smoothed', () => {
    expect(places.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ['x/smoothing', 'float32', [K]],
      ['y0/int8', 'int8', [K, N]],
      ['y0/scales', 'float32', [N]],
      ['y2/int8', 'int8', [K, M]],
      ['y2/scales', 'float32', [M]],
      ['y1/int8', 'int8', [K, N]],
      ['y1/scales', 'float32', [N]],
    ]);
    expect(layout.groups.map(({ input, scheme }) => [input, scheme])).toEqual([
      ['x', { zeroPoint: SYMMETRIC_ZERO_POINT, smoothing: 'x/smoothing' }],
      ['z', { zeroPoint: GELU_ZERO_POINT }],
    ]);
  });

  it('has them aligned, apart from each other and inside the file', () => {
    let end = 0;
    for (const { type, shape, location, offset, length } of places.toSorted((a, b) => a.offset - b.offset)) {
      expect(location).toBe('int8.bin');
      expect(offset % 64).toBe(0);
      expect(offset).toBeGreaterThanOrEqual(end);
      expect(length).toBe(shape.reduce((product, size) => product * size, type === 'int8' ? 1 : 4));
      end = offset + length;
    }
    expect(layout.bytes).toBeGreaterThanOrEqual(end);
  });

  it('follows from shapes and schemes', () => {
    expect(layoutOf(groups(), SCHEMES, 'int8.bin').constants).toEqual(layout.constants);
    const symmetric = SCHEMES.map(({ input }) => ({ input, zeroPoint: SYMMETRIC_ZERO_POINT }));
    expect(layoutOf(groups(), symmetric, 'int8.bin').bytes).toBeGreaterThan(layout.bytes);
  });
});

describe('the file', () => {
  it('holds integers, scales and 1/s of each product where the layout says', async () => {
    const layout = layoutOf(groups(), SCHEMES, 'int8.bin');
    const path = join(folder, 'int8.bin');
    await writeWeights(path, layout, channels, folder);
    expect((await stat(path)).size).toBe(layout.bytes);
    const file = await readFile(path);
    const read = (name: string): Int8Array | Float32Array => {
      const { type, offset, length } = placesOf(layout).find((place) => place.name === name)!;
      const bytes = file.buffer.slice(file.byteOffset + offset, file.byteOffset + offset + length);
      return type === 'int8' ? new Int8Array(bytes) : new Float32Array(bytes);
    };
    const [first, second] = [
      { values: turned(shared, N), columns: N },
      { values: own, columns: M },
    ];
    const s = smoothingOf(channels[0]!, [first, second]);
    expect(read('x/smoothing')).toEqual(s.map((factor) => 1 / factor));
    // The weight that both tensors share is smoothed for one and not for the other.
    for (const [name, matrix, smoothing] of [
      ['y0', first, s],
      ['y1', first, undefined],
      ['y2', second, s],
    ] as const) {
      const { integers, scales } = quantisedColumns(matrix, smoothing);
      expect(read(`${name}/int8`)).toEqual(integers);
      expect(read(`${name}/scales`)).toEqual(scales);
    }
    expect(read('y0/int8')).not.toEqual(read('y1/int8'));
  });
});
