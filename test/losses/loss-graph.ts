/** A loss and its gradient with respect to the features, as a graph of its own, run by the interpreter and by both engines. */
import { Rng } from '../../src/core/rng.js';
import type { Loss } from '../../src/losses/loss.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { Session } from '../../src/runtime/session.js';
import { interpret } from '../onnx/interpreter.js';
import { float32Feeds, tfjsGraph } from '../tfjs/from-builder.js';
import { product, type Value } from '../onnx/value.js';
import type { Matrix } from './plain.js';

/** Features of one item, [V][D]. */
export type Item = Matrix;
export type Artefacts = Readonly<Record<string, Value>>;

export interface LossValues {
  /** [B] */
  readonly loss: ArrayLike<number>;
  /** [B·V·D] */
  readonly gradient: ArrayLike<number>;
}

export interface LossRunner {
  interpret(items: readonly Item[]): LossValues;
  /** float32, through onnxruntime. */
  run(items: readonly Item[]): Promise<LossValues>;
  /** float32, and the derivative that TensorFlow.js finds of the forward graph. */
  tfjs(items: readonly Item[]): Promise<LossValues>;
  close(): Promise<void>;
}

const tensor = (shape: readonly number[], data: ArrayLike<number>): Value => ({
  type: 'float32',
  shape,
  data: Float64Array.from(data),
});

/** Heads as an index draws them, U(±1/√D), and negatives of unit length; all exact in float32. */
export function drawArtefacts(loss: Loss, dims: number, seed = 1): Artefacts {
  const draw = ([name, shape]: [string, readonly number[]]): [string, Value] => {
    const values = Rng.stream(seed, name).uniform(product(shape), 1 / Math.sqrt(dims));
    if (name === 'negatives') {
      const [latent, count] = shape as [number, number];
      for (let n = 0; n < count; n++) {
        const norm = Math.hypot(...Array.from({ length: latent }, (_, l) => values[l * count + n]!));
        for (let l = 0; l < latent; l++) values[l * count + n]! /= norm;
      }
    }
    return [name, tensor(shape, values)];
  };
  return Object.fromEntries(Object.entries(loss.artefacts(dims)).map(draw));
}

export function drawItems(count: number, views: number, dims: number, seed = 2, scale = 1): Item[] {
  const rng = Rng.stream(seed, 'features');
  const row = (): number[] => [...rng.uniform(dims, scale)];
  return Array.from({ length: count }, () => Array.from({ length: views }, row));
}

/** [R,C] as rows. */
export function rows(value: Value): Matrix {
  const [count, width] = value.shape as [number, number];
  return Array.from({ length: count }, (_, r) => [...value.data.subarray(r * width, (r + 1) * width)]);
}

const FEATURES = 'features';

export async function lossRunner(loss: Loss, dims: number, artefacts: Artefacts, opset = 17): Promise<LossRunner> {
  const g = new GraphBuilder(loss.name, opset);
  const features = g.input(FEATURES, 'float32', ['items', loss.views, dims]);
  const names = Object.entries(loss.artefacts(dims)).map(
    ([name, shape]) => [name, g.input(name, 'float32', shape)] as const,
  );
  const value = loss.write(g, features, Object.fromEntries(names));
  const derivative = differentiate(g, value, features);
  const tfjs = await tfjsGraph(g);
  const program = interpret(g, [value, derivative]);
  g.output(value, 'float32', ['items'], 'loss');
  g.output(derivative, 'float32', ['items', loss.views, dims], 'gradient');
  const session = await Session.load(g.build(), loss.name, { threads: 1 });

  const feed = (items: readonly Item[]): Readonly<Record<string, Value>> => ({
    ...artefacts,
    [FEATURES]: tensor([items.length, loss.views, dims], items.flat(2)),
  });
  return {
    interpret(items) {
      const values = program.run(feed(items));
      return { loss: values.get(value)!.data, gradient: values.get(derivative)!.data };
    },
    async run(items) {
      const results = await session.run(float32Feeds(feed(items)), ['loss', 'gradient']);
      return { loss: results.loss.data as Float32Array, gradient: results.gradient.data as Float32Array };
    },
    async tfjs(items) {
      const { outputs, gradient } = await tfjs.gradient(float32Feeds(feed(items)), value, features, [value]);
      return { loss: outputs[value]!.data as Float32Array, gradient: gradient.data as Float32Array };
    },
    async close() {
      tfjs.dispose();
      await session.release();
    },
  };
}
