/** Products in uint8 × int8: the numbers of a reference that quantises the same rows, close to x·W, and each row by itself. */
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { quantisedColumns, smoothingOf, turned } from '../../src/engine/smoothing.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Graph } from '../../src/onnx/graph.js';
import { ModelProtoSchema, type NodeProto, type TensorProto } from '../../src/onnx/proto/onnx_pb.js';
import {
  copyQuantised,
  GELU_ZERO_POINT,
  productGroups,
  SYMMETRIC_ZERO_POINT,
  type QuantisedGroup,
} from '../../src/onnx/row-quantisation.js';
import { inlineTensor } from '../../src/onnx/tensor.js';
import { float32, Session } from '../../src/runtime/session.js';
import { exactInt8 } from '../support/exact-int8.js';

interface Weight {
  /** W [K,N] */
  readonly values: Float32Array;
  readonly columns: number;
  /** Whether the graph keeps it as [N,K], behind a Transpose. */
  readonly transposed: boolean;
}

interface Case {
  readonly x: Float32Array;
  /** Sizes before K. */
  readonly leading: readonly number[];
  /** K. */
  readonly width: number;
  readonly zeroPoint: number;
  readonly weights: readonly Weight[];
}

const ROWS = ['ordinary', 'outliers', 'zeros', 'tiny'] as const;
const gelu = (z: number): number => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));

/** Rows of all kinds: with a few channels of a hundred times the size, of zeros, of small numbers; or those of a GELU. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    seed: fc.nat(1e6),
    leading: fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 7 })),
      fc.tuple(fc.constant(2), fc.integer({ min: 1, max: 4 })),
    ),
    width: fc.constantFrom(64, 80, 131),
    weights: fc.array(fc.record({ columns: fc.constantFrom(64, 72, 97), transposed: fc.boolean() }), {
      minLength: 1,
      maxLength: 3,
    }),
    afterGelu: fc.boolean(),
  })
  .map(({ seed, leading, width, weights, afterGelu }): Case => {
    const rng = Rng.stream(seed, 'row quantisation');
    const count = leading.reduce((product, size) => product * size, 1);
    const rows = Array.from({ length: count }, () => {
      const kind = ROWS[rng.int(ROWS.length)]!;
      const size = { ordinary: 2, outliers: 2, zeros: 0, tiny: 1e-5 }[kind];
      const row = rng
        .uniform(width, size)
        .map((value, k) => (kind === 'outliers' && k % 29 === 3 ? 100 * value : value));
      return afterGelu ? row.map(gelu) : row;
    });
    return {
      x: Float32Array.from(rows.flatMap((row) => [...row])),
      leading,
      width,
      zeroPoint: afterGelu ? GELU_ZERO_POINT : SYMMETRIC_ZERO_POINT,
      weights: weights.map((weight) => ({ ...weight, values: rng.uniform(width * weight.columns, 0.2) })),
    };
  });

const smoothed = ({ x, width, zeroPoint, weights }: Case): Float32Array | undefined => {
  if (zeroPoint !== SYMMETRIC_ZERO_POINT) return undefined;
  const channels = new Float32Array(width);
  x.forEach((value, at) => (channels[at % width] = Math.max(channels[at % width]!, Math.abs(value))));
  return smoothingOf(channels, weights);
};

/** x·W of each weight as a float32 graph. */
function plain({ leading, width, weights }: Case): Graph {
  const g = new GraphBuilder('plain', 17);
  const x = g.input('x', 'float32', [...leading.map((_, axis) => `axis${axis}`), width]);
  const outputs = weights.map(({ values, columns, transposed }, i) => {
    const shape = transposed ? [columns, width] : [width, columns];
    const data = transposed ? turned(values, width) : values;
    const kept = g.constant({ type: 'float32', data, shape }, `w${i}`);
    const weight = transposed ? g.op('Transpose', [kept], { perm: [1, 0] }) : kept;
    return g.op('MatMul', [x, weight], {}, { outputs: [`y${i}`] });
  });
  return new Graph(fromBinary(ModelProtoSchema, g.build()).graph!, outputs);
}

/** The same graph with its products in int8. */
function quantised(c: Case): { readonly bytes: Uint8Array; readonly opTypes: readonly string[] } {
  const graph = plain(c);
  const [group, ...others] = productGroups(graph, graph.nodes);
  expect(others).toEqual([]);
  expect(group).toMatchObject({ input: 'x', width: c.width });
  const smoothing = smoothed(c);
  const constants = new Map<string, TensorProto>(graph.initializers);
  const add = (...tensor: Parameters<typeof inlineTensor>): string => {
    constants.set(tensor[0], inlineTensor(...tensor));
    return tensor[0];
  };
  const inverse = smoothing?.map((s) => 1 / s);
  const placed: QuantisedGroup = {
    ...group!,
    scheme: { zeroPoint: c.zeroPoint, ...(inverse && { smoothing: add('1/s', 'float32', inverse, [c.width]) }) },
    weights: c.weights.map((weight, i) => {
      const { integers, scales } = quantisedColumns(weight, smoothing);
      return {
        values: add(`integers${i}`, 'int8', integers, [c.width, weight.columns]),
        scales: add(`scales${i}`, 'float32', scales, [weight.columns]),
      };
    }),
  };
  const g = new GraphBuilder('quantised', 17);
  g.input('x', 'float32', [...c.leading.map((_, axis) => `axis${axis}`), c.width]);
  copyQuantised(g, graph.nodes, constants, [placed]);
  c.weights.forEach(({ columns }, i) => g.output(`y${i}`, 'float32', [...c.leading.map((_, axis) => `axis${axis}`), columns])); // prettier-ignore
  return { bytes: g.build(), opTypes: g.nodes.map(({ opType }) => opType) };
}

const { fround } = Math;

function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** What the graph's integers stand for, in float64, and how far that may be from x·W: half a step of each factor. */
function reference(
  c: Case,
): { readonly y: Float64Array; readonly exact: Float64Array; readonly bound: Float64Array }[] {
  const { x, width, zeroPoint } = c;
  const symmetric = zeroPoint === SYMMETRIC_ZERO_POINT;
  const steps = symmetric ? 127 : 255 - zeroPoint;
  const least = symmetric ? 1e-9 : (0.17001 * steps) / zeroPoint;
  const smoothing = smoothed(c);
  const inverse = smoothing?.map((s) => 1 / s);
  const z = x.map((value, at) => value * (inverse?.[at % width] ?? 1));
  const rows = x.length / width;
  const scales = Array.from({ length: rows }, (_, row) => {
    const sizes = z.subarray(row * width, (row + 1) * width).map((value) => (symmetric ? Math.abs(value) : value));
    return fround(fround(Math.max(...sizes, fround(least))) * fround(1 / steps));
  });
  const integers = Array.from(z, (value, at) =>
    Math.max(-zeroPoint, Math.min(255 - zeroPoint, halfToEven(fround(value / scales[Math.floor(at / width)]!)))),
  );
  return c.weights.map((weight) => {
    const { columns } = weight;
    const quantisedWeight = quantisedColumns(weight, smoothing);
    const [y, exact, bound] = [0, 0, 0].map(() => new Float64Array(rows * columns)) as [Float64Array, Float64Array, Float64Array]; // prettier-ignore
    for (let row = 0; row < rows; row++)
      for (let n = 0; n < columns; n++) {
        const [step, unit] = [scales[row]!, quantisedWeight.scales[n]!];
        for (let k = 0; k < width; k++) {
          const [at, to] = [row * width + k, row * columns + n];
          y[to]! += integers[at]! * quantisedWeight.integers[k * columns + n]! * step * unit;
          exact[to]! += x[at]! * weight.values[k * columns + n]!;
          const w = Math.abs(weight.values[k * columns + n]! * (smoothing?.[k] ?? 1));
          bound[to]! += (step * w + unit * Math.abs(z[at]!) + (step * unit) / 2) / 2;
        }
      }
    return { y, exact, bound };
  });
}

async function results(c: Case, session: Session): Promise<Float32Array[]> {
  const names = c.weights.map((_, i) => `y${i}`);
  const run = await session.run({ x: float32(c.x, [...c.leading, c.width]) }, names);
  names.forEach((name, i) => {
    expect(run[name]!.shape).toEqual([...c.leading, c.weights[i]!.columns]);
  });
  return names.map((name) => run[name]!.data as Float32Array);
}

async function withSession(c: Case, work: (session: Session) => Promise<void>): Promise<void> {
  const session = await Session.load(quantised(c).bytes, 'quantised');
  try {
    await work(session);
  } finally {
    await session.release();
  }
}

const SETTINGS = { numRuns: 40, seed: 1306 } as const;

describe.skipIf(!(await exactInt8()))('quantised products', () => {
  it('are those of a reference that quantises the same way, and as near to x·W as 8 bits are', async () => {
    const property = fc.asyncProperty(cases, (c) =>
      withSession(c, async (session) => {
        const found = await results(c, session);
        reference(c).forEach(({ y, exact, bound }, i) => {
          const { columns } = c.weights[i]!;
          found[i]!.forEach((value, at) => {
            const first = at - (at % columns);
            const size = Math.max(...y.subarray(first, first + columns).map(Math.abs));
            expect(Math.abs(value - y[at]!)).toBeLessThanOrEqual(1e-6 * size);
            expect(Math.abs(value - exact[at]!)).toBeLessThanOrEqual(bound[at]! + 1e-6 * size);
          });
        });
      }),
    );
    await fc.assert(property, SETTINGS);
  });

  it('give a row the same bits alone, in any batch and in any order', async () => {
    const property = fc.asyncProperty(cases, (c) =>
      withSession(c, async (session) => {
        const together = await results(c, session);
        const rows = c.x.length / c.width;
        const rowOf = (values: Float32Array, row: number, width: number) =>
          values.subarray(row * width, (row + 1) * width);
        const reversed = Array.from({ length: rows }, (_, row) => [...rowOf(c.x, rows - 1 - row, c.width)]).flat();
        const turnedRound = await results({ ...c, x: Float32Array.from(reversed) }, session);
        for (let row = 0; row < rows; row++) {
          const leading = c.leading.map(() => 1);
          const alone = await results({ ...c, leading, x: rowOf(c.x, row, c.width).slice() }, session);
          c.weights.forEach(({ columns }, i) => {
            expect(rowOf(together[i]!, row, columns)).toEqual(alone[i]);
            expect(rowOf(turnedRound[i]!, rows - 1 - row, columns)).toEqual(alone[i]);
          });
        }
      }),
    );
    await fc.assert(property, SETTINGS);
  });

  it('of a row of zeros are zeros', async () => {
    const c: Case = { ...fc.sample(cases, { numRuns: 1, seed: 1 })[0]!, leading: [2], zeroPoint: SYMMETRIC_ZERO_POINT };
    const x = new Float32Array(2 * c.width).fill(3, c.width);
    await withSession({ ...c, x }, async (session) => {
      const [y] = await results({ ...c, x }, session);
      const { columns } = c.weights[0]!;
      expect(y!.subarray(0, columns)).toEqual(new Float32Array(columns));
      expect(Math.max(...y!.subarray(columns).map(Math.abs))).toBeGreaterThan(0);
    });
  });
});

it('a tensor that several products read is quantised once for all', () => {
  const c = fc.sample(cases, { numRuns: 50, seed: 2 }).find(({ weights }) => weights.length === 3)!;
  const { opTypes } = quantised(c);
  const count = (type: string): number => opTypes.filter((opType) => opType === type).length;
  expect([count('QuantizeLinear'), count('MatMulIntegerToFloat'), count('MatMul')]).toEqual([1, 3, 0]);
});

describe('products that are quantised', () => {
  /** A graph of one product of x [rows,K] with what `weight` makes. */
  function groupsOf(weight: (g: GraphBuilder) => string, width = 64) {
    const g = new GraphBuilder('one', 17);
    const x = g.input('x', 'float32', ['rows', width]);
    const y = g.op('MatMul', [x, weight(g)], {}, { outputs: ['y'] });
    const graph = new Graph(fromBinary(ModelProtoSchema, g.build()).graph!, [y]);
    return { graph, groups: productGroups(graph, graph.nodes) };
  }
  const constant = (shape: readonly number[]) => (g: GraphBuilder) =>
    g.constant({ type: 'float32', data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape }, 'w');

  it('have a constant weight of at least 64 × 64', () => {
    const { groups } = groupsOf(constant([64, 64]));
    expect(groups).toMatchObject([{ input: 'x', width: 64, products: [{ columns: 64, transposed: false }] }]);
  });

  it.each<[string, (g: GraphBuilder) => string]>([
    ['with fewer than 64 rows of weights', constant([63, 64])],
    ['with fewer than 64 columns', constant([64, 63])],
    [
      'with fewer than 64 columns behind a Transpose',
      (g) => g.op('Transpose', [constant([63, 64])(g)], { perm: [1, 0] }),
    ],
    ['with weights of three axes', constant([1, 64, 64])],
    ['with what the graph computes', (g) => g.input('w', 'float32', [64, 64])],
    ['with a computed tensor behind a Transpose', (g) => g.op('Transpose', [g.input('w', 'float32', [64, 64])])],
    [
      'with weights in half precision',
      (g) => g.initializer(inlineTensor('w', 'float16', new Uint8Array(2 * 64 * 64), [64, 64])),
    ],
  ])('are none %s', (_, weight) => {
    const { graph, groups } = groupsOf(weight);
    expect(groups).toEqual([]);
    const g = new GraphBuilder('copy', 17);
    copyQuantised(g, graph.nodes, graph.initializers, []);
    expect(g.nodes).toEqual(graph.nodes);
  });

  it('are none of constants alone, and none of another domain', () => {
    const { graph } = groupsOf(constant([64, 64]));
    const [product] = graph.nodes as [NodeProto];
    expect(productGroups(graph, [{ ...product, input: ['w', 'w'] }])).toEqual([]);
    expect(productGroups(graph, [{ ...product, domain: 'com.microsoft' }])).toEqual([]);
    expect(productGroups(graph, [{ ...product }])).toHaveLength(1);
  });
});
