/**
 * An ONNX graph computed and differentiated by TensorFlow.js: where the other engine has a derivative rule an operator, this one has
 * forward definitions alone, and the library's own automatic differentiation. All is float32, int32 and bool.
 */
import { FungiError } from '../core/errors.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import type { Feeds, Tensor } from '../runtime/session.js';
import { fromTf, toTf } from './convert.js';
import { evaluate, type Program } from './evaluate.js';
import { assertKernels, neededNodes, planGradient } from './plan.js';
import { loadTensorflow, type Tensorflow, type TfTensor } from './tensorflow.js';

export interface TfjsGraphSource {
  /** Names the graph in errors. */
  readonly name: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  /** In topological order. */
  readonly nodes: readonly NodeProto[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

export class TfjsGraph {
  /** Constants that a run has read, as the backend holds them. */
  private readonly uploaded = new Map<string, TfTensor>();
  private disposed = false;

  private constructor(
    private readonly tf: Tensorflow,
    private readonly source: TfjsGraphSource,
  ) {}

  /** Nothing is computed or checked before a run: operators that no run needs may be unknown. */
  static async create(source: TfjsGraphSource): Promise<TfjsGraph> {
    const { tf } = await loadTensorflow();
    return new TfjsGraph(tf, source);
  }

  /**
   * Values of `outputs`, which may be any tensors of the graph. A tensor in `feeds` is taken as it is, also when a node makes it.
   * Results are float32, int32 (for ONNX' int64) or bool.
   *
   * @throws {FungiError} OP_UNSUPPORTED naming operator, node and graph for a node that these outputs need; INVALID_ARGUMENT for an
   *   input or output that there is not; RUNTIME_FAILED
   */
  async run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    this.assertAlive();
    const { nodes, name } = this.source;
    const needed = neededNodes(nodes, outputs, this.given(feeds));
    assertKernels(needed, name);
    const found = this.tf.tidy(() => {
      const values = this.fed(feeds);
      evaluate(this.tf, this.program(needed, new Set(outputs)), values);
      return this.cloned(values, outputs);
    });
    return this.read(found, outputs);
  }

  /**
   * Values of `outputs`, and ∂(Σ value)/∂(wrt): each element of `value` has cotangent 1.
   *
   * @param value a float tensor of any shape
   * @param wrt a float tensor that `value` depends on: an input, a constant or the result of a node
   * @returns the derivative, of the shape of `wrt`
   * @throws {FungiError} as `run`; MODEL_UNSUPPORTED when `value` does not depend on `wrt`
   */
  async gradient<Name extends string>(
    feeds: Feeds,
    value: string,
    wrt: string,
    outputs: readonly Name[],
  ): Promise<{ outputs: Record<Name, Tensor>; gradient: Tensor }> {
    this.assertAlive();
    const { tf } = this;
    const { nodes, name } = this.source;
    const needed = neededNodes(nodes, [...outputs, value, wrt], this.given(feeds));
    assertKernels(needed, name);
    const { before, after, path } = planGradient(needed, { value, wrt }, name);
    const results = new Set([...outputs, value]);
    const recorded = new Set([wrt, ...[...path].flatMap(({ output }) => output)]);
    const [gradient, ...found] = tf.tidy(() => {
      const values = this.fed(feeds);
      const later = new Set([...results, wrt, ...after.flatMap(({ input }) => input)]);
      evaluate(tf, this.program(before, later), values);
      const x = this.value(values, wrt);
      if (x.dtype !== 'float32')
        throw new FungiError('INVALID_ARGUMENT', `${name}: "${wrt}" is ${x.dtype}, which has no derivative`);
      let kept: TfTensor[] = [];
      const forward = (start: TfTensor): TfTensor => {
        values.set(wrt, start);
        const detached = (node: NodeProto): boolean => !path.has(node) && node.input.some((name) => recorded.has(name));
        evaluate(tf, { ...this.program(after, new Set([...results, wrt])), detached }, values);
        kept = this.cloned(values, outputs).map((tensor) => tf.keep(tensor));
        return tf.clone(this.value(values, value));
      };
      try {
        const { grad, value: total } = tf.valueAndGrad(forward)(x);
        total.dispose();
        return [grad, ...kept];
      } catch (cause) {
        tf.dispose(kept);
        forgetTape(tf);
        throw cause;
      }
    });
    return { gradient: await this.taken(gradient), outputs: await this.read(found, outputs) };
  }

  /** Frees the constants; the graph cannot be run any more. */
  dispose(): void {
    this.disposed = true;
    for (const tensor of this.uploaded.values()) tensor.dispose();
    this.uploaded.clear();
  }

  private assertAlive(): void {
    if (this.disposed) throw new FungiError('RUNTIME_FAILED', `${this.source.name}: the graph was disposed of`);
  }

  private given(feeds: Feeds): Set<string> {
    return new Set([...Object.keys(feeds), ...this.source.constants.keys()]);
  }

  private fed(feeds: Feeds): Map<string, TfTensor> {
    return new Map(Object.entries(feeds).map(([name, tensor]) => [name, toTf(this.tf, tensor)] as const));
  }

  private program(nodes: readonly NodeProto[], pinned: ReadonlySet<string>): Program {
    const { name, opset } = this.source;
    return { name, opset, nodes, pinned, constant: (tensor) => this.constant(tensor) };
  }

  /** Uploaded at the first use, and kept. */
  private constant(name: string): TfTensor | undefined {
    const known = this.uploaded.get(name);
    const tensor = this.source.constants.get(name);
    if (known !== undefined || tensor === undefined) return known;
    const made = this.tf.keep(toTf(this.tf, tensor));
    this.uploaded.set(name, made);
    return made;
  }

  private value(values: ReadonlyMap<string, TfTensor>, name: string): TfTensor {
    const value = values.get(name) ?? this.constant(name);
    if (value !== undefined) return value;
    throw new FungiError('INVALID_ARGUMENT', `${this.source.name} has no tensor "${name}"`, {
      details: { tensor: name, graph: this.source.name },
    });
  }

  /** Handles of their own: an output may be an input or a constant, which are not to be let go of with it. */
  private cloned(values: ReadonlyMap<string, TfTensor>, names: readonly string[]): TfTensor[] {
    return names.map((name) => this.tf.clone(this.value(values, name)));
  }

  private async taken(tensor: TfTensor): Promise<Tensor> {
    try {
      return await fromTf(tensor);
    } finally {
      tensor.dispose();
    }
  }

  private async read<Name extends string>(
    found: readonly TfTensor[],
    names: readonly Name[],
  ): Promise<Record<Name, Tensor>> {
    const tensors = await Promise.all(found.map((tensor) => this.taken(tensor)));
    return Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as Record<Name, Tensor>;
  }
}

/** What a derivative that failed had saved for its way back: TensorFlow.js frees it only at the end of one that succeeds. */
function forgetTape(tf: Tensorflow): void {
  const { state } = tf.engine();
  const tape = state.activeTape as typeof state.activeTape | null;
  for (const { saved } of tape ?? []) tf.dispose(saved ?? []);
  state.activeTape = [];
}
