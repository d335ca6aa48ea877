/** Exports from PyTorch take token ids as int64, those from TensorFlow as int32; onnxruntime converts neither. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
} from '../../onnx/proto/onnx_pb.js';
import { readGraphFile } from './graph-file.js';

const { graph: graphField } = ModelProtoSchema.field;
const { input: inputField } = GraphProtoSchema.field;

/** Names of the inputs that the graph declares as int32. @throws {FungiError} MODEL_CORRUPT */
export function int32Inputs(graph: string): ReadonlySet<string> {
  return readGraphFile(graph, (file) => {
    const names = new Set<string>();
    for (const message of file.fields({ start: 0, end: file.size })) {
      if (message.number !== graphField.number) continue;
      for (const field of file.fields(message)) {
        if (field.number !== inputField.number) continue;
        const content = file.content(field, 'the description of an input');
        const { name, type } = fromBinary(ValueInfoProtoSchema, content);
        const isInt32 = type?.value.case === 'tensorType' && type.value.value.elemType === INT32;
        if (isInt32) names.add(name);
      }
    }
    return names;
  });
}

const INT32: number = TensorProto_DataType.INT32;
