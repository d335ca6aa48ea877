/** Writes ONNX graphs: nodes in order, constants, inputs and outputs, and what is known of every tensor's shape. */
import { create, toBinary } from '@bufbuild/protobuf';
import { FungiError } from '../core/errors.js';
import { attributeProtos, type Attributes } from './attributes.js';
import { dependencies } from './graph.js';
import type { Emitter, TensorInfo } from './rules/rule.js';
import { RULES } from './rules/table.js';
import type { Dim, Shape } from './shape.js';
import { shapeValue } from './shape-value.js';
import { elementCode, elementType, externalTensor, inlineTensor, integers, tensorShape } from './tensor.js';
import type { ConstantData, ElementType, ExternalData } from './tensor.js';
import {
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto/onnx_pb.js';

/** Operator sets a graph may use besides the standard one. */
export const MICROSOFT = 'com.microsoft';

export interface OpOptions {
  readonly name?: string;
  readonly domain?: string;
  /** Names of the outputs; made up when absent. */
  readonly outputs?: readonly string[];
  /** Notes to whoever reads the graph; runtimes pass over them. */
  readonly metadata?: Readonly<Record<string, string>>;
}

function valueInfo(name: string, type: ElementType, shape: Shape): ValueInfoProto {
  const dim = shape.map((d: Dim) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d },
    }),
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementCode(type), shape: { dim } } } },
  });
}

const SCALARS = {
  float32: (value: number) => Float32Array.of(value),
  float64: (value: number) => Float64Array.of(value),
  int64: (value: number) => BigInt64Array.of(BigInt(value)),
  int8: (value: number) => Int8Array.of(value),
  uint8: (value: number) => Uint8Array.of(value),
} as const;
type ScalarType = keyof typeof SCALARS;

export class GraphBuilder implements Emitter {
  readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, TensorProto>();
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly infos = new Map<string, TensorInfo>();
  private readonly makers = new Map<string, NodeProto>();
  private readonly scalars = new Map<string, string>();
  private counter = 0;

  /** @param opset version of the standard operator set; nodes that changed over time are written in its form */
  constructor(
    readonly name: string,
    readonly opset = 17,
  ) {}

  input(name: string, type: ElementType, shape: Shape): string {
    this.inputs.push(valueInfo(name, type, shape));
    this.infos.set(name, { type, shape });
    return name;
  }

  /** The constants so far, by name. */
  get constants(): ReadonlyMap<string, TensorProto> {
    return this.initializers;
  }

  /** Declares `tensor` an output, under `name` when given. */
  output(tensor: string, type: ElementType, shape: Shape, name = tensor): string {
    return this.declare(tensor, valueInfo(name, type, shape));
  }

  /** Declares `tensor` an output whose type and shape the runtime finds out. */
  untypedOutput(tensor: string, name = tensor): string {
    return this.declare(tensor, create(ValueInfoProtoSchema, { name }));
  }

  private declare(tensor: string, info: ValueInfoProto): string {
    if (info.name !== tensor) this.op('Identity', [tensor], {}, { outputs: [info.name] });
    this.outputs.push(info);
    return info.name;
  }

  constant(
    tensor: { type: ElementType; data: ConstantData; shape: readonly number[] },
    name = this.fresh('constant'),
  ): string {
    return this.initializer(inlineTensor(name, tensor.type, tensor.data, tensor.shape));
  }

  /** A rank-0 constant; equal ones are shared. */
  scalar(value: number, type: ScalarType = 'float32'): string {
    const key = `${type}:${value}`;
    const known = this.scalars.get(key);
    if (known !== undefined) return known;
    const data = SCALARS[type](value);
    const name = this.constant({ type, data, shape: [] });
    this.scalars.set(key, name);
    return name;
  }

  /** A rank-1 int64 constant: a shape, axes, starts. */
  integers(values: readonly number[]): string {
    return this.constant({ type: 'int64', data: BigInt64Array.from(values.map(BigInt)), shape: [values.length] });
  }

  external(name: string, type: ElementType, shape: readonly number[], data: ExternalData): string {
    return this.initializer(externalTensor(name, elementCode(type), shape, data));
  }

  initializer(tensor: TensorProto): string {
    this.initializers.set(tensor.name, tensor);
    this.infos.set(tensor.name, { type: elementType(tensor.dataType), shape: tensorShape(tensor) });
    return tensor.name;
  }

  /** Adds a node and returns the name of its first output. */
  op(type: string, inputs: readonly string[], attributes: Attributes = {}, options: OpOptions = {}): string {
    const outputs = options.outputs ?? [this.fresh(type)];
    this.append(
      create(NodeProtoSchema, {
        opType: type,
        domain: options.domain ?? '',
        name: options.name ?? outputs[0]!,
        input: [...inputs],
        output: [...outputs],
        attribute: attributeProtos(attributes),
        metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) =>
          create(StringStringEntryProtoSchema, { key, value }),
        ),
      }),
    );
    return outputs[0]!;
  }

  /** Takes over nodes of another graph with the constants they read; nothing is inferred of their shapes. */
  copy(nodes: readonly NodeProto[], initializers: ReadonlyMap<string, TensorProto>): void {
    for (const node of nodes) {
      this.push(node);
      this.adopt(node, initializers);
    }
  }

  /** Takes over the constants that `node` reads. */
  adopt(node: NodeProto, initializers: ReadonlyMap<string, TensorProto>): void {
    for (const name of dependencies(node)) {
      const tensor = initializers.get(name);
      if (tensor !== undefined && !this.initializers.has(name)) this.initializer(tensor);
    }
  }

  /** Takes over an input of another graph. */
  copyInput(input: ValueInfoProto): void {
    this.inputs.push(input);
  }

  /** Says what an inference rule cannot tell. */
  annotate(tensor: string, type: ElementType, shape: Shape): string {
    this.infos.set(tensor, { type, shape });
    return tensor;
  }

  /** Adds a node as it is, and infers its outputs' shapes where a rule exists. */
  append(node: NodeProto): void {
    this.push(node);
    const rule = RULES.get(`${node.domain}:${node.opType}`);
    if (rule === undefined || node.input.some((name) => name !== '' && !this.infos.has(name))) return;
    const infos = rule.infer(node, this);
    infos?.forEach((info, i) => {
      const name = node.output[i];
      if (name !== undefined && name !== '') this.infos.set(name, info);
    });
  }

  private push(node: NodeProto): void {
    this.nodes.push(node);
    for (const name of node.output) this.makers.set(name, node);
  }

  /** Shape and element type of a tensor, when inferred. */
  info(tensor: string): TensorInfo | undefined {
    return this.infos.get(tensor);
  }

  /** @throws {FungiError} MODEL_UNSUPPORTED when nothing says what the tensor's shape is */
  known(tensor: string): TensorInfo {
    const info = this.infos.get(tensor);
    if (info === undefined) {
      const node = this.makers.get(tensor);
      const maker = node === undefined ? 'not made in this graph' : `output of ${node.opType} node "${node.name}"`;
      throw new FungiError(
        'MODEL_UNSUPPORTED',
        `${this.name}: the shape of tensor "${tensor}" (${maker}) is not known`,
      );
    }
    return info;
  }

  constantTensor(name: string): TensorProto | undefined {
    return this.initializers.get(name);
  }

  shapeValue(tensor: string): Shape | undefined {
    return shapeValue(tensor, {
      maker: (name) => this.makers.get(name),
      constant: (name) => {
        const found = this.initializers.get(name);
        return found && integers(found);
      },
      shape: (name) => this.infos.get(name)?.shape,
    });
  }

  fresh(hint: string): string {
    this.counter += 1;
    return `${this.name}/${hint}_${this.counter}`;
  }

  build(): Uint8Array {
    const domains = new Set(this.nodes.map(({ domain }) => domain));
    const model = create(ModelProtoSchema, {
      irVersion: 9n,
      producerName: 'fungi-icl',
      opsetImport: [...domains.add('')].map((domain) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(domain === '' ? this.opset : 1) }),
      ),
      graph: {
        name: this.name,
        node: this.nodes,
        initializer: [...this.initializers.values()],
        input: this.inputs,
        output: this.outputs,
      },
    });
    return toBinary(ModelProtoSchema, model);
  }
}
