/** ONNX files as small as they get, with weights inside, beside, or wherever a test says they are. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type GraphProto,
  type TensorProto,
} from '../../src/onnx/proto/onnx_pb.js';

/** Where a tensor may stand in a graph. */
export type TensorPlace = 'initializer' | 'sparse' | 'constant' | 'branch';

/** A graph whose weights are the bytes given, in the graph itself. */
export const onnxFile = (weights: Uint8Array | string = ''): Buffer =>
  encoded(graphWith('initializer', [create(TensorProtoSchema, { name: 'w', rawData: Buffer.from(weights) })]));

/** A graph with a tensor in each of `files`, in this order. */
export const graphOver = (files: readonly string[], place: TensorPlace = 'initializer'): Buffer =>
  encoded(
    graphWith(
      place,
      files.map((location) => externalTensor(['offset', '0'], ['location', location], ['length', '1'])),
    ),
  );

/** A graph with one external tensor of these entries. */
export const graphWithEntries = (...entries: readonly Entry[]): Buffer =>
  encoded(graphWith('initializer', [externalTensor(...entries)]));

/** A tensor that keeps its bytes, though it names a file: what makes it external is a field of its own. */
export const graphWithIdleLocation = (location: string): Buffer =>
  encoded(
    graphWith('initializer', [
      { ...externalTensor(['location', location]), dataLocation: TensorProto_DataLocation.DEFAULT },
    ]),
  );

type Entry = readonly [key: string, value: string];

function externalTensor(...entries: readonly Entry[]): TensorProto {
  return create(TensorProtoSchema, {
    name: 'w',
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entries.map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

function graphWith(place: TensorPlace, tensors: readonly TensorProto[]): GraphProto {
  const node = (attributes: Parameters<typeof create<typeof AttributeProtoSchema>>[1][]) =>
    create(NodeProtoSchema, {
      opType: 'Any',
      output: ['y'],
      attribute: attributes.map((attribute) => create(AttributeProtoSchema, attribute)),
    });
  switch (place) {
    case 'initializer':
      return create(GraphProtoSchema, { node: [node([])], initializer: [...tensors] });
    case 'sparse':
      return create(GraphProtoSchema, {
        sparseInitializer: tensors.map((values) => create(SparseTensorProtoSchema, { values })),
      });
    case 'constant':
      return create(GraphProtoSchema, { node: tensors.map((t) => node([{ name: 'value', t }])) });
    case 'branch':
      return create(GraphProtoSchema, { node: [node([{ name: 'then_branch', g: graphWith('constant', tensors) }])] });
  }
}

const encoded = (graph: GraphProto): Buffer =>
  Buffer.from(toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph })));

/** A graph that computes with rounded numbers, over tensors in these files. */
export function quantisedOver(files: readonly string[] = []): Buffer {
  const tensors = files.map((location) => externalTensor(['offset', '0'], ['location', location], ['length', '1']));
  const node = [create(NodeProtoSchema, { opType: 'MatMulInteger', output: ['y'] })];
  return encoded(create(GraphProtoSchema, { node, initializer: tensors }));
}
