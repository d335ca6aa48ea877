/** What a model file declares of its inputs and outputs. */
import { fromBinary } from '@bufbuild/protobuf';
import { readGraphFile } from './graph-file.js';
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema, type ValueInfoProto } from './proto/onnx_pb.js';
import type { Shape } from './shape.js';
import { elementType, type ElementType } from './tensor.js';

/** Undefined where the file says nothing. Sizes that a run decides are names, or `?` without one. */
export function declaredShape(info: ValueInfoProto): Shape | undefined {
  const type = info.type?.value;
  if (type?.case !== 'tensorType') return undefined;
  return type.value.shape?.dim.map(({ value }) => {
    // Some exporters write −1 for a size that is free, and onnxruntime takes it so.
    if (value.case === 'dimValue' && value.value >= 0n) return Number(value.value);
    return value.case === 'dimParam' && value.value !== '' ? value.value : '?';
  });
}

/** @throws {FungiError} MODEL_UNSUPPORTED for types no encoder uses */
export function declaredType(info: ValueInfoProto): ElementType | undefined {
  const type = info.type?.value;
  return type?.case === 'tensorType' && type.value.elemType !== 0 ? elementType(type.value.elemType) : undefined;
}

const { graph: graphField } = ModelProtoSchema.field;
const { input: inputField } = GraphProtoSchema.field;

/** The inputs of the graph at `path`, read without its weights. @throws {FungiError} MODEL_CORRUPT */
export function declaredInputs(path: string): ValueInfoProto[] {
  return readGraphFile(path, (file) => {
    const inputs: ValueInfoProto[] = [];
    for (const message of file.fields({ start: 0, end: file.size })) {
      if (message.number !== graphField.number) continue;
      for (const field of file.fields(message)) {
        if (field.number !== inputField.number) continue;
        inputs.push(fromBinary(ValueInfoProtoSchema, file.content(field, 'the description of an input')));
      }
    }
    return inputs;
  });
}
