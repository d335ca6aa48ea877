/** Small encoders, written node by node as exporters write them, for tests of what is found in a graph. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { ModelProtoSchema, type GraphProto } from '../../src/onnx/proto/onnx_pb.js';

export const WIDTH = 4;

export const graphProto = (g: GraphBuilder): GraphProto => fromBinary(ModelProtoSchema, g.build()).graph!;

/** Writes nodes with the names that tests look for: `name` is the node, `name.y` what it makes. */
export class Toy {
  readonly g = new GraphBuilder('toy');

  constructor() {
    this.g.input('x', 'float32', ['B', 'T', WIDTH]);
    this.g.input('mask', 'float32', ['B', 1, 1, 'T']);
    this.g.input('flag', 'bool', ['B', 1, 1, 'T']);
  }

  op(type: string, inputs: readonly string[], name: string, attributes: Attributes = {}, domain = ''): string {
    return this.g.op(type, inputs, attributes, { name, domain, outputs: [`${name}.y`] });
  }

  weight(name: string, shape: readonly number[] = [WIDTH, WIDTH]): string {
    const size = shape.reduce((a, b) => a * b, 1);
    return this.g.constant({ type: 'float32', data: new Float32Array(size).fill(0.5), shape }, name);
  }

  /** x·W + b, as MatMul and Add. */
  linear(x: string, name: string): string {
    const product = this.op('MatMul', [x, this.weight(`${name}.weight`)], name);
    return this.op('Add', [product, this.weight(`${name}.bias`, [WIDTH])], `${name}.add`);
  }

  heads(x: string, name: string): string {
    const split = this.op('Reshape', [x, this.g.integers([0, 0, 2, 2])], `${name}.split`);
    return this.op('Transpose', [split], `${name}.heads`, { perm: [0, 2, 1, 3] });
  }

  /** softmax(Q·Kᵀ/√d + mask)·V back in one piece, the input of the output projection. */
  attention(name: string, query: string, keys: string, change: AttentionChange = {}): string {
    const q = this.heads(query, `${name}.q`);
    const k = this.heads(keys, `${name}.k`);
    const v = this.heads(keys, `${name}.v`);
    const raw = this.op(
      'MatMul',
      [q, this.op('Transpose', [k], `${name}.kt`, { perm: [0, 1, 3, 2] })],
      `${name}.scores`,
    );
    const scaled = this.op('Div', [raw, this.weight(`${name}.scale`, [])], `${name}.scaled`);
    const masked = (change.mask ?? addMask)(this, scaled, name);
    const soft = this.op('Softmax', [masked], `${name}.softmax`);
    const weights = change.afterSoftmax?.(this, soft, name) ?? soft;
    const mixed = this.op('MatMul', [weights, v], `${name}.mixed`);
    const back = this.op('Transpose', [mixed], `${name}.back`, { perm: [0, 2, 1, 3] });
    return this.op('Reshape', [back, this.g.integers([0, 0, WIDTH])], `${name}.merged`);
  }

  /** Residual, MLP: what follows the output projection. */
  rest(projected: string, residual: string, name: string): string {
    const hidden = this.op('Add', [projected, residual], `${name}.residual`);
    const mlp = this.linear(this.op('Tanh', [this.linear(hidden, `${name}.up`)], `${name}.act`), `${name}.down`);
    return this.op('Add', [hidden, mlp], `${name}.out`);
  }

  /** A whole block; its output projection is the node `<name>.o`. */
  block(name: string, x = 'x', change: AttentionChange = {}): string {
    const keys = this.linear(x, `${name}.in`);
    return this.rest(this.linear(this.attention(name, keys, keys, change), `${name}.o`), x, name);
  }
}

export interface AttentionChange {
  readonly mask?: (toy: Toy, scores: string, name: string) => string;
  readonly afterSoftmax?: (toy: Toy, weights: string, name: string) => string;
}

const addMask = (toy: Toy, scores: string, name: string): string => toy.op('Add', [scores, 'mask'], `${name}.masked`);
