/** ONNX tensors: element types, constants, and references to weights that stay in the user's own file. */
import { create } from '@bufbuild/protobuf';
import { FungiError } from '../core/errors.js';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  type TensorProto,
} from './proto/onnx_pb.js';

const CODES = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
} as const;

export type ElementType = keyof typeof CODES;

const NAMES = new Map<number, ElementType>(
  Object.entries(CODES).map(([name, code]) => [code, name as ElementType] as const),
);

export const elementCode = (type: ElementType): number => CODES[type];

/** @throws {FungiError} MODEL_UNSUPPORTED for strings, complex numbers and other types no encoder uses */
export function elementType(code: number): ElementType {
  const name = NAMES.get(code);
  if (name === undefined) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `tensor element type ${TensorProto_DataType[code] ?? code} is not supported`,
    );
  }
  return name;
}

/** Where a tensor's bytes lie: a file beside the model, as ONNX external data names it. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export type ConstantData = Float32Array | Float64Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** A constant whose bytes travel inside the model. */
export function inlineTensor(
  name: string,
  type: ElementType,
  data: ConstantData,
  shape: readonly number[],
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementCode(type),
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  });
}

/** A constant whose bytes stay in `external.location`. */
export function externalTensor(
  name: string,
  dataType: number,
  shape: readonly number[],
  external: ExternalData,
): TensorProto {
  const entries = { location: external.location, offset: String(external.offset), length: String(external.length) };
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: shape.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

export const isExternal = (tensor: TensorProto): boolean => tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;

export const tensorShape = (tensor: TensorProto): number[] => tensor.dims.map(Number);

/** The integers of a small inline INT64 or INT32 constant (a shape, axes, an index), or undefined when it is not one. */
export function integers(tensor: TensorProto): number[] | undefined {
  if (isExternal(tensor)) return undefined;
  const { rawData } = tensor;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (tensor.dataType === elementCode('int64')) {
    if (tensor.int64Data.length > 0) return tensor.int64Data.map(Number);
    return Array.from({ length: rawData.length / 8 }, (_, i) => Number(view.getBigInt64(i * 8, true)));
  }
  if (tensor.dataType === elementCode('int32')) {
    if (tensor.int32Data.length > 0) return [...tensor.int32Data];
    return Array.from({ length: rawData.length / 4 }, (_, i) => view.getInt32(i * 4, true));
  }
  return undefined;
}

/** The value of a one-element inline FLOAT or DOUBLE constant, or undefined when it is not one. */
export function scalarValue(tensor: TensorProto): number | undefined {
  if (isExternal(tensor) || tensor.dims.some((d) => d !== 1n)) return undefined;
  const { rawData } = tensor;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (tensor.dataType === elementCode('float32'))
    return rawData.length > 0 ? view.getFloat32(0, true) : tensor.floatData[0];
  if (tensor.dataType === elementCode('float64'))
    return rawData.length > 0 ? view.getFloat64(0, true) : tensor.doubleData[0];
  return undefined;
}

/** The value of a one-element inline BOOL constant, or undefined when it is not one. */
export function flagValue(tensor: TensorProto | undefined): boolean | undefined {
  if (tensor?.dataType !== elementCode('bool') || isExternal(tensor) || tensor.dims.some((d) => d !== 1n))
    return undefined;
  const value = tensor.rawData.length > 0 ? tensor.rawData[0] : tensor.int32Data[0];
  return value === undefined ? undefined : value !== 0;
}
