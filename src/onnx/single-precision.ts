/**
 * Half precision cast up to float32. Losses at high temperatures lie below what half precision can tell from 0, and so do their
 * gradients: whatever the encoder computes in, tail, loss and derivative are float32.
 */
import { clone, create } from '@bufbuild/protobuf';
import { attributeProtos } from './attributes.js';
import { dependencies } from './graph.js';
import { NodeProtoSchema, type NodeProto, type TensorProto } from './proto/onnx_pb.js';
import { elementCode, inlineTensor, isExternal } from './tensor.js';
import { inlineTensorData } from './tensor-data.js';

export interface Subgraph {
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
}

const [FLOAT16, BFLOAT16, FLOAT32] = [elementCode('float16'), elementCode('bfloat16'), elementCode('float32')];
const isHalf = (type: number): boolean => type === FLOAT16 || type === BFLOAT16;

/**
 * The same nodes in float32. Small half-precision constants are converted; large ones stay where they lie, behind a Cast that the
 * runtime folds when it loads the graph.
 */
export function inFloat32({ nodes, initializers }: Subgraph): Subgraph {
  const read = new Set(nodes.flatMap(dependencies));
  const constants = new Map(initializers);
  const renamed = new Map<string, string>();
  const casts: NodeProto[] = [];
  for (const [name, tensor] of initializers) {
    if (!read.has(name) || !isHalf(tensor.dataType)) continue;
    if (!isExternal(tensor)) {
      constants.set(name, converted(tensor));
      continue;
    }
    const cast = `${name}/float32`;
    renamed.set(name, cast);
    casts.push(castNode(name, cast));
  }
  return { nodes: [...casts, ...nodes.map((node) => lifted(node, renamed))], initializers: constants };
}

function castNode(from: string, to: string): NodeProto {
  const attribute = attributeProtos({ to: FLOAT32 });
  return create(NodeProtoSchema, { opType: 'Cast', name: to, input: [from], output: [to], attribute });
}

/** A node that reads constants by their new names, casts to float32 where it cast to half, and holds no half-precision constant. */
function lifted(node: NodeProto, renamed: ReadonlyMap<string, string>): NodeProto {
  const changed = clone(NodeProtoSchema, node);
  changed.input = node.input.map((name) => renamed.get(name) ?? name);
  for (const attribute of changed.attribute) {
    if (node.opType === 'Cast' && attribute.name === 'to' && isHalf(Number(attribute.i))) attribute.i = BigInt(FLOAT32);
    if (attribute.t !== undefined && isHalf(attribute.t.dataType)) attribute.t = converted(attribute.t);
  }
  return changed;
}

function converted(tensor: TensorProto): TensorProto {
  const { data, shape } = inlineTensorData(tensor, tensor.name);
  return inlineTensor(tensor.name, 'float32', data, shape);
}
