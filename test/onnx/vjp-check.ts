/** Compares the derivative that `differentiate` writes with finite differences, and with what onnxruntime makes of it. */
import { expect } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Dim, Shape } from '../../src/onnx/shape.js';
import { float32, Session } from '../../src/runtime/session.js';
import { OPSETS, type Case, type FloatType, type Operand } from './cases/case.js';
import { evaluate, interpret, type Feed } from './interpreter.js';
import { product, type Value } from './value.js';

export interface CaseGraph {
  readonly g: GraphBuilder;
  readonly operands: readonly string[];
  /** r, of the shape of y. */
  readonly functional: string;
  /** The operator's result y. */
  readonly y: string;
  /** ∂(Σ y·r)/∂operand, for each operand: a random r makes every element of y matter. */
  readonly gradients: readonly string[];
}

/** Writes a case into a graph; `prefix` keeps its inputs apart from those of other cases there. */
export function caseGraph(c: Case, g: GraphBuilder, type: FloatType, prefix = ''): CaseGraph {
  const operands = c.operands.map(({ shape }, i) => g.input(`${prefix}x${i}`, type, shape));
  const y = c.write(g, operands, type);
  const info = g.known(y);
  const functional = g.input(`${prefix}r`, info.type, info.shape);
  const value = g.op('Mul', [y, functional]);
  return { g, operands, functional, y, gradients: operands.map((operand) => differentiate(g, value, operand)) };
}

const sizes = (c: Case, shape: Shape): number[] => shape.map((dim) => (typeof dim === 'number' ? dim : c.dims![dim]!));

/** Values that float32 holds exactly, so that both arithmetics start from the same numbers. */
function draw(rng: Rng, operand: Operand, shape: readonly number[]): Float64Array {
  const { draw = 'signed', scale = 1, offset = 0 } = operand;
  return Float64Array.from({ length: product(shape) }, () => {
    const [u, sign] = [rng.float(), rng.float() < 0.5 ? -1 : 1];
    const unit = draw === 'positive' ? 0.5 + u : draw === 'apart' ? sign * (0.2 + 0.8 * u) : sign * u;
    return Math.fround(offset + scale * unit);
  });
}

/** Inputs for a case: the operands, and r of the result's shape. */
export function drawFeed(c: Case, graph: CaseGraph): Feed {
  const { g, y, operands, functional } = graph;
  const rng = Rng.stream(7, c.rule, c.label);
  const feed: Record<string, Value> = {};
  c.operands.forEach((operand, i) => {
    const name = operands[i]!;
    const shape = sizes(c, operand.shape);
    feed[name] = { type: g.known(name).type, shape, data: draw(rng, operand, shape) };
  });
  const result = interpret(g, [y]).run(feed).get(y)!;
  feed[functional] = { ...result, data: draw(rng, { shape: [], draw: 'apart' }, result.shape) };
  return feed;
}

/** What float32 calls zero: below its smallest normal number. */
const NOTHING = 2 ** -126;

/** max|a − b| / max(max|b|, floor); 0 where both vanish. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>, floor = 0): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let [difference, scale] = [0, floor];
  for (let i = 0; i < b.length; i++) {
    if (!Number.isFinite(a[i]) || !Number.isFinite(b[i])) return Infinity;
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(b[i]!));
  }
  return difference < NOTHING ? 0 : difference / scale;
}

/** Central differences of fourth order: (8·(f(h) − f(−h)) − (f(2h) − f(−2h)))/12h, summed against r before anything can cancel. */
export function finiteDifferences(graph: CaseGraph, feed: Feed, operand: number, spec: Operand): Float64Array {
  const name = graph.operands[operand]!;
  const program = interpret(graph.g, [graph.y]);
  const x = feed[name]!;
  const r = feed[graph.functional]!.data;
  const h = 1e-3 * Math.min(spec.scale ?? 1, spec.bends ?? Infinity);
  return x.data.map((center, i) => {
    const f = (shift: number): Float64Array =>
      program.run({ ...feed, [name]: { ...x, data: x.data.with(i, center + shift) } }).get(graph.y)!.data;
    const [up, down, up2, down2] = [f(h), f(-h), f(2 * h), f(-2 * h)];
    return r.reduce((sum, weight, j) => sum + weight * (8 * (up[j]! - down[j]!) - (up2[j]! - down2[j]!)), 0) / (12 * h);
  });
}

/** Every tensor whose shape or type the builder inferred otherwise than it turned out: empty when inference is right. */
export function wrongInferences(c: Case, g: GraphBuilder, values: ReadonlyMap<string, Value>): string[] {
  return [...values].flatMap(([name, value]) => {
    const info = g.info(name);
    const shape = info?.shape.map((dim) => sizeOf(dim, c.dims ?? {}));
    if (info === undefined || (info.type === value.type && shape!.join() === value.shape.join())) return [];
    return [`${name}: inferred ${info.type} [${info.shape.join()}], is ${value.type} [${value.shape.join()}]`];
  });
}

/** A size as inference writes it: a number, a symbol, "(T+1)", "B*T*2", "T[1:-1]". */
function sizeOf(dim: Dim, dims: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number' || dim in dims || /^[\d.]+$/.test(dim)) return dims[dim] ?? Number(dim);
  const slice = /^(.*)\[(-?\d*):(-?\d*)\]$/.exec(dim);
  if (slice !== null) {
    const [, of, start, end] = slice as unknown as [string, string, string, string];
    const whole = Array.from({ length: sizeOf(of, dims) });
    return whole.slice(start === '' ? 0 : Number(start), end === '' ? undefined : Number(end)).length;
  }
  const sum = /^\((.*)\)$/.exec(dim);
  const [parts, join] =
    sum !== null
      ? [sum[1]!.split('+'), (a: number, b: number) => a + b]
      : [dim.split('*'), (a: number, b: number) => a * b];
  if (parts.length < 2) throw new Error(`nothing says how large "${dim}" is`);
  return parts.map((part) => sizeOf(part, dims)).reduce(join);
}

/** Tensors of a float32 graph as onnxruntime computes them. */
export async function runInOnnxruntime(
  g: GraphBuilder,
  feed: Feed,
  tensors: readonly string[],
): Promise<Float32Array[]> {
  const names = tensors.map((tensor, i) => {
    const { type, shape } = g.known(tensor);
    return g.output(tensor, type, shape, `out${i}`);
  });
  const session = await Session.load(g.build(), g.name, { threads: 1 });
  try {
    const feeds = Object.entries(feed).map(([name, v]) => [name, float32(Float32Array.from(v.data), v.shape)] as const);
    const results = await session.run(Object.fromEntries(feeds), names);
    return names.map((name) => results[name]!.data as Float32Array);
  } finally {
    await session.release();
  }
}

/** Largest relative errors: of a derivative against differences in float64, of results and derivatives in float32. */
const [FINITE_DIFFERENCES, FORWARD_FLOAT32, GRADIENT_FLOAT32] = [1e-6, 1e-5, 1e-4];

/**
 * In every operator set of the case. Differences are taken anew only where the result is another one: they take most of the time, and most
 * operator sets differ in nothing but how attributes are written.
 *
 * @param floor derivatives below this are compared as if they were this large: where all but rounding cancels
 */
export function checkAgainstFiniteDifferences(c: Case, floor = 0): void {
  let last: { readonly y: Float64Array; readonly differences: readonly Float64Array[] } | undefined;
  for (const opset of c.opsets ?? OPSETS) {
    const graph = caseGraph(c, new GraphBuilder('case', opset), 'float64');
    const feed = drawFeed(c, graph);
    const values = interpret(graph.g, [graph.y, ...graph.gradients]).run(feed);
    expect(wrongInferences(c, graph.g, values), `operator set ${opset}`).toEqual([]);
    const y = values.get(graph.y)!.data;
    if (last === undefined || y.length !== last.y.length || y.some((v, i) => !Object.is(v, last!.y[i])))
      last = { y, differences: c.operands.map((operand, i) => finiteDifferences(graph, feed, i, operand)) };
    for (const [i, differences] of last.differences.entries()) {
      const at = `operator set ${opset}, operand ${i}`;
      const gradient = values.get(graph.gradients[i]!)!;
      expect(gradient.shape, at).toEqual(feed[graph.operands[i]!]!.shape);
      expect(gradient.type, at).toBe('float64');
      expect(relativeError(gradient.data, differences, floor), at).toBeLessThan(FINITE_DIFFERENCES);
    }
  }
}

/** All cases in one graph, since loading a graph takes longer than running it. */
export async function checkInOnnxruntime(cases: readonly Case[], opset: number, floor = 0): Promise<void> {
  const g = new GraphBuilder('cases', opset);
  const graphs = cases.map((c, i) => caseGraph(c, g, 'float32', `${i}.`));
  const feeds = cases.map((c, i) => drawFeed(c, graphs[i]!));
  const tensors = graphs.flatMap(({ y, gradients }) => [y, ...gradients]);
  const results = await runInOnnxruntime(g, Object.assign({}, ...feeds) as Feed, tensors);
  let at = 0;
  cases.forEach((c, i) => {
    const outputs = [graphs[i]!.y, ...graphs[i]!.gradients];
    evaluate(g, outputs, feeds[i]!).forEach((interpreted, k) => {
      const tolerance = c.float32Tolerance ?? (k === 0 ? FORWARD_FLOAT32 : GRADIENT_FLOAT32);
      const label = `${c.label}, ${k === 0 ? 'result' : `gradient ${k - 1}`}`;
      expect(relativeError(results[at++]!, interpreted.data, floor), label).toBeLessThan(tolerance);
    });
  });
}
