/** One node about to be computed: its inputs, its attributes, and the library it is computed with. */
import { FungiError } from '../core/errors.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute, tensorAttribute } from '../onnx/attributes.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import { inlineTensorData } from '../onnx/tensor-data.js';
import type { Tensor } from '../runtime/session.js';
import type { Tensorflow, TfTensor } from './tensorflow.js';

/**
 * Computes a node's outputs from its inputs, forward only: TensorFlow.js differentiates it. It must hold to operators that have a
 * derivative there; of the comparisons that is `greaterEqual` alone.
 */
export type Kernel = (call: NodeCall) => TfTensor | readonly TfTensor[];

export class NodeCall {
  constructor(
    readonly tf: Tensorflow,
    readonly node: NodeProto,
    /** Undefined where an optional input is left out. */
    readonly inputs: readonly (TfTensor | undefined)[],
    /** Version of the standard operator set. */
    readonly opset: number,
    /** The graph's name. */
    private readonly graph: string,
  ) {}

  /** A required input. @throws {FungiError} MODEL_CORRUPT when it is left out */
  input(index: number): TfTensor {
    const tensor = this.inputs[index];
    if (tensor !== undefined) return tensor;
    throw new FungiError('MODEL_CORRUPT', `${this.label}: input ${index} is missing`, { details: this.details });
  }

  /** The values of a small integer input (a shape, axes), undefined when it is left out. */
  integers(index: number): number[] | undefined {
    const tensor = this.inputs[index];
    return tensor && [...tensor.dataSync()];
  }

  int(name: string, fallback: number): number {
    return intAttribute(this.node, name, fallback);
  }

  ints(name: string): number[] | undefined {
    return intsAttribute(this.node, name);
  }

  float(name: string, fallback: number): number {
    return floatAttribute(this.node, name, fallback);
  }

  string(name: string, fallback: string): string {
    return stringAttribute(this.node, name, fallback);
  }

  /** A tensor attribute's value. */
  tensor(name: string): Tensor | undefined {
    const tensor = tensorAttribute(this.node, name);
    return tensor && inlineTensorData(tensor, this.label);
  }

  has(name: string): boolean {
    return this.node.attribute.some((attribute) => attribute.name === name);
  }

  /** A non-negative axis. */
  axis(axis: number, rank: number): number {
    const normal = axis < 0 ? axis + rank : axis;
    return normal >= 0 && normal < Math.max(rank, 1) ? normal : this.unsupported(`axis ${axis} of rank ${rank}`);
  }

  /** @throws {FungiError} OP_UNSUPPORTED */
  unsupported(reason: string): never {
    throw new FungiError('OP_UNSUPPORTED', `${this.label}: ${reason}`, {
      hint: 'Use the onnxruntime engine for this model.',
      details: this.details,
    });
  }

  private get label(): string {
    return `${this.graph}: ${this.node.opType} node "${this.node.name}"`;
  }

  private get details(): Readonly<Record<string, unknown>> {
    return { op: this.node.opType, node: this.node.name, graph: this.graph };
  }
}
