/**
 * Products with constant weights in int8, a scale for each row of the activations and one for each column of the weights.
 *
 * Unlike onnxruntime's dynamic quantisation, which takes one scale of a whole tensor, a row's result depends on that row alone. The
 * integers are uint8 × int8, which CPUs with VNNI multiply at four times the speed of float32; int8 × int8 is slow.
 *
 * What a few outlier channels do to the scale of a row is moved into the weights: x·W = (x/s)·(diag(s)·W), as in SmoothQuant
 * (Xiao et al. 2023, arXiv:2211.10438, equation 4).
 */
import { intsAttribute } from './attributes.js';
import { MICROSOFT, type GraphBuilder } from './builder.js';
import type { Graph } from './graph.js';
import type { NodeProto, TensorProto } from './proto/onnx_pb.js';
import { withAxes } from './rules/rule.js';
import { elementType, inlineTensor, tensorShape } from './tensor.js';

/** Smaller products gain nothing. */
const LEAST = 64;

/** Products that read one tensor, which is quantised once for all of them. */
export interface ProductGroup {
  readonly input: string;
  /** K. */
  readonly width: number;
  readonly products: readonly Product[];
}

export interface Product {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  /** Whether the weight is kept [N,K]. */
  readonly transposed: boolean;
  /** N. */
  readonly columns: number;
}

/** x·W for constant float32 W [K,N] (or its transpose, as a Transpose node makes of it), by the tensor that is multiplied. */
export function productGroups(graph: Graph, nodes: readonly NodeProto[]): ProductGroup[] {
  const groups = new Map<string, { input: string; width: number; products: Product[] }>();
  for (const node of nodes) {
    if (node.opType !== 'MatMul' || node.domain !== '') continue;
    const [input, name] = node.input as [string, string];
    const turned = graph.maker(name);
    const transposed = turned?.opType === 'Transpose' && (intsAttribute(turned, 'perm') ?? [1, 0]).join() === '1,0';
    const weight = graph.initializers.get(transposed ? turned.input[0]! : name);
    if (weight === undefined || graph.isConstant(input) || elementType(weight.dataType) !== 'float32') continue;
    const shape = tensorShape(weight);
    if (shape.length !== 2 || shape.some((size) => size < LEAST)) continue;
    const [width, columns] = (transposed ? shape.toReversed() : shape) as [number, number];
    const group = groups.get(input) ?? { input, width, products: [] };
    groups.set(input, group);
    group.products.push({ node, weight, transposed, columns });
  }
  return [...groups.values()];
}

/** How the rows of a tensor become uint8. */
export interface RowScheme {
  /**
   * 128: rows lie on both sides of 0, a scale is max|x|/127. Else the rows are bounded below, as those of GELU are, and 255 − zeroPoint
   * steps are left for what is above 0.
   */
  readonly zeroPoint: number;
  /** Name of 1/s [K]; absent: nothing is moved into the weights. */
  readonly smoothing?: string;
}

/** GELU's least value. */
export const GELU_MINIMUM = -0.17001;
/** Steps below 0 where rows are bounded below by {@link GELU_MINIMUM}. */
export const GELU_ZERO_POINT = 15;
export const SYMMETRIC_ZERO_POINT = 128;

/** Names of a quantised weight [K,N] and of its columns' scales [N]. */
export interface QuantisedWeight {
  readonly values: string;
  readonly scales: string;
}

/** A group with how it is quantised. */
export interface QuantisedGroup extends ProductGroup {
  readonly scheme: RowScheme;
  /** In the order of the products. */
  readonly weights: readonly QuantisedWeight[];
}

/** Copies nodes into a graph, with quantised products in the place of those of `groups`. */
export function copyQuantised(
  g: GraphBuilder,
  nodes: readonly NodeProto[],
  initializers: ReadonlyMap<string, TensorProto>,
  groups: readonly QuantisedGroup[],
): void {
  const replaced = new Map(groups.flatMap((group) => group.products.map(({ node }) => [node, group] as const)));
  const written = new Set<QuantisedGroup>();
  for (const node of nodes) {
    const group = replaced.get(node);
    if (group === undefined) g.copy([node], initializers);
    else if (!written.has(group)) {
      const names = group.weights.flatMap(({ values, scales }) => [values, scales]);
      for (const name of [...names, group.scheme.smoothing ?? []].flat()) g.initializer(initializers.get(name)!);
      writeGroup(g, group);
      written.add(group);
    }
  }
}

/** Writes x, quantised by rows, times each weight of its group: y under the names that the products have. */
function writeGroup(g: GraphBuilder, { input, width, products, scheme, weights }: QuantisedGroup): void {
  const { zeroPoint, smoothing } = scheme;
  const symmetric = zeroPoint === SYMMETRIC_ZERO_POINT;
  const x = smoothing === undefined ? input : g.op('Mul', [input, smoothing]);
  const largest = withAxes(g, 'ReduceMax', symmetric ? g.op('Abs', [x]) : x, [-1], { keepdims: 1 });
  // Of a row of zeros the scale must not be 0; of one that GELU made nothing may lie below the least step.
  const least = symmetric ? 1e-9 : (-GELU_MINIMUM * (255 - zeroPoint)) / zeroPoint;
  const steps = symmetric ? 127 : 255 - zeroPoint;
  const scale = g.op('Mul', [g.op('Max', [largest, g.scalar(least)]), g.scalar(1 / steps)]); // [.., 1]
  const scales = g.op('Reshape', [scale, g.integers([-1])]); // [rows]
  const zeros = g.op('ConstantOfShape', [g.op('Shape', [scales])], {
    value: { tensor: inlineTensor('', 'uint8', Uint8Array.of(zeroPoint), [1]) },
  });
  const rows = g.op('Reshape', [x, g.integers([-1, width])]);
  const quantised = g.op('QuantizeLinear', [rows, scales, zeros], { axis: 0 });
  const shaped = g.op('Reshape', [quantised, g.op('Shape', [input])]);
  products.forEach(({ node }, i) => {
    const { values, scales: columns } = weights[i]!;
    const inputs = [shaped, values, g.scalar(1), columns, g.scalar(zeroPoint, 'uint8'), g.scalar(0, 'int8')];
    const product = g.op('MatMulIntegerToFloat', inputs, {}, { domain: MICROSOFT });
    g.op('Mul', [product, scale], {}, { outputs: [node.output[0]!], name: node.name });
  });
}
