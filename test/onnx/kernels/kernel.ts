/** What an operator computes, from its definition in the ONNX operator reference. */
import type { AttributeProto, NodeProto } from '../../../src/onnx/proto/onnx_pb.js';
import { int64s, type Value } from '../value.js';

/** Absent optional inputs are undefined. */
export type Kernel = (inputs: readonly (Value | undefined)[], node: NodeProto, opset: number) => Value[];

const find = (node: NodeProto, name: string): AttributeProto | undefined => node.attribute.find((a) => a.name === name);

export const int = (node: NodeProto, name: string, fallback: number): number => Number(find(node, name)?.i ?? fallback);
export const float = (node: NodeProto, name: string, fallback: number): number =>
  Math.fround(find(node, name)?.f ?? fallback);
export const ints = (node: NodeProto, name: string): number[] | undefined => find(node, name)?.ints.map(Number);
export const text = (node: NodeProto, name: string, fallback: string): string => {
  const attribute = find(node, name);
  return attribute === undefined ? fallback : Buffer.from(attribute.s).toString();
};

/**
 * Axes as attribute before operator set `since`, as second input from there on: the form of the other era is an error, as it is to
 * onnxruntime.
 */
export function axesOperand(
  node: NodeProto,
  input: Value | undefined,
  opset: number,
  since: number,
): number[] | undefined {
  const attribute = ints(node, 'axes');
  if (opset >= since ? attribute !== undefined : input !== undefined)
    throw new Error(`axes in the wrong form for set ${opset}`);
  return attribute ?? (input && int64s(input));
}
