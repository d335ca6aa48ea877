/** Node attributes as plain values. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from './proto/onnx_pb.js';

/** Floats are written as `{ float: x }`, since a bare JavaScript number is taken for an integer. */
export type AttributeValue =
  number | string | readonly number[] | { readonly float: number } | { readonly tensor: TensorProto };
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

function toProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: Type.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: Type.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: value.float });
  if ('tensor' in value) return create(AttributeProtoSchema, { name, type: Type.TENSOR, t: value.tensor });
  return create(AttributeProtoSchema, { name, type: Type.INTS, ints: value.map(BigInt) });
}

export function attributeProtos(attributes: Attributes): AttributeProto[] {
  return Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [toProto(name, value)]));
}

const find = (node: NodeProto, name: string): AttributeProto | undefined => node.attribute.find((a) => a.name === name);

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const attribute = find(node, name);
  return attribute === undefined ? fallback : Number(attribute.i);
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return find(node, name)?.f ?? fallback;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return find(node, name)?.ints.map(Number);
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const attribute = find(node, name);
  return attribute === undefined ? fallback : new TextDecoder().decode(attribute.s);
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return find(node, name)?.t;
}
