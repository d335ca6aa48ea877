/** One small graph around an operator, at which its derivative rule is compared with finite differences. */
import type { Attributes } from '../../../src/onnx/attributes.js';
import type { GraphBuilder } from '../../../src/onnx/builder.js';
import type { Shape } from '../../../src/onnx/shape.js';

export const OPSETS = [11, 13, 17, 18, 20, 23] as const;

/** Those from `first` on. */
export const since = (first: number): readonly number[] => OPSETS.filter((opset) => opset >= first);

export type FloatType = 'float32' | 'float64';

export interface Operand {
  readonly shape: Shape;
  /** Values are offset + scale·u: u in [−1, 1], in [0.5, 1.5], or in ±[0.2, 1] away from a kink or pole. @default 'signed' */
  readonly draw?: 'signed' | 'positive' | 'apart';
  readonly scale?: number;
  readonly offset?: number;
  /** Length over which the operator bends, where that is not the values' own scale. */
  readonly bends?: number;
}

export interface Case {
  /** Key of RULES. */
  readonly rule: string;
  readonly label: string;
  /** @default all of OPSETS */
  readonly opsets?: readonly number[];
  /** False where onnxruntime lacks what the case holds. @default true */
  readonly onnxruntime?: boolean;
  /** Sizes of symbolic dimensions at run time. */
  readonly dims?: Readonly<Record<string, number>>;
  /** What the graph is differentiated for, each in turn. */
  readonly operands: readonly Operand[];
  /** Relative to the interpreter, where float32 can do no better than this. @default 1e-4 */
  readonly float32Tolerance?: number;
  /** Writes the graph and returns its result; constants are of the floating-point type `type`. */
  write(g: GraphBuilder, x: readonly string[], type: FloatType): string;
}

/** A graph of one node on all operands. */
export const node =
  (type: string, attributes: Attributes = {}, domain = ''): Case['write'] =>
  (g, x) =>
    g.op(type, x, attributes, { domain });

export const microsoft = (type: string, attributes: Attributes = {}): Case['write'] =>
  node(type, attributes, 'com.microsoft');

export function floats(g: GraphBuilder, type: FloatType, values: readonly number[], shape: readonly number[]): string {
  const data = type === 'float64' ? Float64Array.from(values) : Float32Array.from(values);
  return g.constant({ type, data, shape });
}

/** What constants beside `x` are written in. */
export const floatType = (g: GraphBuilder, x: string): FloatType =>
  g.known(x).type === 'float64' ? 'float64' : 'float32';

export const show = (...shapes: readonly Shape[]): string => shapes.map((shape) => `[${shape.join()}]`).join(' ');

/** Sizes that symbolic dimensions of the cases stand for. */
export const DIMS = { B: 3, T: 2 } as const;
