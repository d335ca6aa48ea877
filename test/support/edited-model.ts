/** The tiny BERT with changes to its graph: models as they come from other exporters, or broken in one place. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { attributeProtos, type Attributes } from '../../src/onnx/attributes.js';
import {
  ModelProtoSchema,
  NodeProtoSchema,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
  type GraphProto,
} from '../../src/onnx/proto/onnx_pb.js';
import { elementCode, inlineTensor, type ConstantData, type ElementType } from '../../src/onnx/tensor.js';
import { fixture } from './golden.js';

export const TINY_BERT = fixture('fungi/tiny-bert/op17-erf.onnx');
/** D of the tiny BERT. */
export const TINY_WIDTH = 32;
/** Its token states. */
export const HIDDEN = 'last_hidden_state';

export class EditedModels {
  private constructor(private readonly folder: string) {}

  static async create(): Promise<EditedModels> {
    return new EditedModels(await mkdtemp(join(tmpdir(), 'fungi-edited-')));
  }

  /** Writes a changed copy of `source` and returns its path. */
  async write(edit: (graph: Edit) => void, source = TINY_BERT): Promise<string> {
    const model = fromBinary(ModelProtoSchema, await readFile(source));
    edit(new Edit(model.graph!));
    const path = join(await mkdtemp(join(this.folder, 'model-')), 'model.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, model));
    return path;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** A graph in the making; nodes are added at its end. */
export class Edit {
  constructor(readonly graph: GraphProto) {}

  node(opType: string, input: readonly string[], output: string, attributes: Attributes = {}): string {
    const attribute = attributeProtos(attributes);
    this.graph.node.push(
      create(NodeProtoSchema, { opType, name: `edited/${output}`, input: [...input], output: [output], attribute }),
    );
    return output;
  }

  constant(name: string, type: ElementType, data: ConstantData, shape: readonly number[]): string {
    this.graph.initializer.push(inlineTensor(name, type, data, shape));
    return name;
  }

  /** Puts other outputs in the place of those there are; without `shape` nothing is declared of it but the name. */
  outputs(...outputs: readonly { name: string; type?: ElementType; shape?: readonly (number | string)[] }[]): void {
    this.graph.output = outputs.map(({ name, type = 'float32', shape }) =>
      create(ValueInfoProtoSchema, {
        name,
        ...(shape && {
          type: {
            value: { case: 'tensorType', value: { elemType: elementCode(type), shape: { dim: shape.map(dimension) } } },
          },
        }),
      }),
    );
  }

  /** Declares an input otherwise. */
  input(name: string, change: { type?: ElementType; shape?: readonly (number | string)[] }): void {
    const type = this.graph.input.find((input) => input.name === name)!.type!.value;
    if (type.case !== 'tensorType') throw new Error(`${name} is not a tensor`);
    if (change.type !== undefined) type.value.elemType = elementCode(change.type);
    if (change.shape !== undefined) type.value.shape!.dim = change.shape.map(dimension);
  }

  /** Gives what makes `tensor` another name for it, so that something can be put between. */
  renamed(tensor: string): string {
    const inner = `${tensor}/inner`;
    for (const node of this.graph.node) {
      node.output = node.output.map((name) => (name === tensor ? inner : name));
      node.input = node.input.map((name) => (name === tensor ? inner : name));
    }
    return inner;
  }
}

const dimension = (size: number | string) =>
  create(TensorShapeProto_DimensionSchema, {
    value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
  });
