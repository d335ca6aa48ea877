/** What the engine knows of one operator: how shapes pass through it, and how derivatives come back. */
import { FungiError } from '../../core/errors.js';
import type { AttributeValue, Attributes } from '../attributes.js';
import type { NodeProto, TensorProto } from '../proto/onnx_pb.js';
import { broadcastAxes, type Shape } from '../shape.js';
import { elementCode, integers, type ElementType } from '../tensor.js';

export interface TensorInfo {
  readonly type: ElementType;
  readonly shape: Shape;
}

/** The part of a graph builder that rules need: read shapes and constants, write nodes. */
export interface Emitter {
  /** The graph's name, for errors. */
  readonly name: string;
  readonly opset: number;
  op(type: string, inputs: readonly string[], attributes?: Attributes, options?: { readonly domain?: string }): string;
  scalar(value: number, type?: 'float32' | 'float64' | 'int64'): string;
  integers(values: readonly number[]): string;
  fresh(hint: string): string;
  known(tensor: string): TensorInfo;
  constantTensor(name: string): TensorProto | undefined;
  /** The shape that a shape tensor (a constant, or the output of Shape) stands for, when it can be told. */
  shapeValue(tensor: string): Shape | undefined;
  /** Says of a result what inference cannot tell, and returns its name. */
  annotate(tensor: string, type: ElementType, shape: Shape): string;
}

export interface Backward {
  readonly g: Emitter;
  readonly node: NodeProto;
  /** Cotangent of each output; undefined where the loss does not depend on it. */
  readonly cotangents: readonly (string | undefined)[];
  /** Whether input i depends on the tensor that is differentiated for: the others need no cotangent. */
  needs(input: number): boolean;
}

export interface Rule {
  /** Outputs' shapes and types, or undefined where they cannot be told before a run. */
  infer(node: NodeProto, g: Emitter): TensorInfo[] | undefined;
  /** Cotangent of each needed input (vector-Jacobian product), undefined for the others. */
  vjp(backward: Backward): (string | undefined)[];
}

/** The cotangent of the first output: the walk backwards visits no node without one. */
export function upstream(b: Backward): string {
  return b.cotangents[0]!;
}

export const isFloating = (type: ElementType): boolean => type.startsWith('float') || type === 'bfloat16';

/** A constant as the tensor's own type needs it. */
export function like(g: Emitter, tensor: string, value: number): string {
  const { type } = g.known(tensor);
  if (type === 'float32' || type === 'float64' || type === 'int64') return g.scalar(value, type);
  return castTo(g, g.scalar(value), type);
}

export const castTo = (g: Emitter, tensor: string, type: ElementType): string =>
  g.op('Cast', [tensor], { to: elementCode(type) });

/** A comparison's result as 0 or 1 of the type of `x`. */
export const floatMask = (g: Emitter, comparison: string, x: string): string => castTo(g, comparison, g.known(x).type);

/** Axes moved from attribute to input over the operator sets: ReduceSum, Squeeze and Unsqueeze at 13, the other reductions at 18. */
export function withAxes(
  g: Emitter,
  type: string,
  tensor: string,
  axes: readonly number[],
  attributes: Record<string, AttributeValue> = {},
): string {
  const since = type === 'ReduceSum' || type === 'Squeeze' || type === 'Unsqueeze' ? 13 : 18;
  return g.opset >= since
    ? g.op(type, [tensor, g.integers(axes)], attributes)
    : g.op(type, [tensor], { ...attributes, axes });
}

/** Sums a cotangent of the broadcast result back to the shape of the operand `input`. */
export function unbroadcast(g: Emitter, cotangent: string, input: string): string {
  const { leading, stretched } = broadcastAxes(g.known(input).shape, g.known(cotangent).shape);
  let out = cotangent;
  if (stretched.length > 0) out = withAxes(g, 'ReduceSum', out, stretched, { keepdims: 1 });
  if (leading.length > 0) out = withAxes(g, 'ReduceSum', out, leading, { keepdims: 0 });
  return out;
}

/** Whether an optional input is there. */
export const given = (node: NodeProto, input: number): boolean => (node.input[input] ?? '') !== '';

/** One size out of a tensor of sizes, as a tensor of one element. */
export const sizeAt = (g: Emitter, sizes: string, axis: number): string =>
  g.op('Slice', [sizes, g.integers([axis]), g.integers([axis + 1])]);

/** Integers that a node takes as a constant input: axes, a shape. */
export function constantIntegers(g: Emitter, node: NodeProto, input: number): number[] | undefined {
  const name = node.input[input];
  if (name === undefined || name === '') return undefined;
  const tensor = g.constantTensor(name);
  if (tensor !== undefined) return integers(tensor);
  // Exporters compute half of a width that is known.
  const values = g.shapeValue(name);
  return values?.every((value) => typeof value === 'number') ? [...values] : undefined;
}

/** @throws {FungiError} OP_UNSUPPORTED */
export function unsupported(g: Emitter, node: NodeProto, reason: string): never {
  throw new FungiError('OP_UNSUPPORTED', `${g.name}: ${node.opType} node "${node.name}": ${reason}`, {
    hint: 'Name another target layer with --target, or report the model so that the rule can be extended.',
    details: { op: node.opType, node: node.name, graph: g.name },
  });
}
