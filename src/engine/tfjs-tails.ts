/**
 * Tails on TensorFlow.js: the same nodes of the model and the same loss, and the derivative by TensorFlow.js's own differentiation.
 * It needs no rule for an operator, and shares none with the other engine: where both agree, two derivations do.
 */
import { sha256 } from '../core/fingerprint.js';
import { GraphBuilder } from '../onnx/builder.js';
import { tensorData } from '../onnx/tensor-data.js';
import type { Feeds, Tensor } from '../runtime/session.js';
import { TfjsGraph } from '../tfjs/graph.js';
import { assertKernels } from '../tfjs/plan.js';
import { loadTensorflow } from '../tfjs/tensorflow.js';
import { writeForward } from './forward.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { writeProjection } from './projection.js';
import { outputsOf, type TailSpec } from './tail.js';
import { assertExact, type Tail, type Tails } from './tails.js';

/** The package that computes for this engine, and native ones that are installed and do not load, each with the reason. */
export async function tfjsBackend(): Promise<{ backend: string; failed: Readonly<Record<string, string>> }> {
  const { backend, failed } = await loadTensorflow();
  return { backend, failed };
}

export class TfjsTails implements Tails {
  readonly engine = 'tfjs';
  private readonly graphs: TfjsGraph[] = [];
  /** By spec: indexes that differ only in their artefacts share one. */
  private readonly tails = new Map<string, Promise<Tail>>();

  constructor(private readonly imported: ImportedEncoder) {}

  assertDifferentiable(): void {
    assertExact(this.imported);
    assertKernels(this.imported.tail.nodes, this.imported.id);
  }

  load(spec: TailSpec): Promise<Tail> {
    const key = sha256(specGraph(this.imported, spec));
    let tail = this.tails.get(key);
    if (tail === undefined) {
      tail = this.build(spec);
      this.tails.set(key, tail);
      tail.catch(() => this.tails.delete(key));
    }
    return tail;
  }

  private async build(spec: TailSpec): Promise<Tail> {
    assertKernels(this.imported.tail.nodes, this.imported.id);
    const { target } = this.imported;
    const g = new GraphBuilder(`${this.imported.id} tail`, this.imported.tail.opset);
    const { pooled, loss } = writeForward(g, this.imported, spec.loss);
    const graph = await this.graph(g);
    const outputs = outputsOf(spec);
    if (loss === undefined || spec.gradient === undefined) {
      return {
        outputs,
        run: async (feeds) => {
          const values = await graph.run(feeds, loss === undefined ? [pooled] : [pooled, loss]);
          return { pooled: values[pooled], loss: loss && values[loss] } as Awaited<ReturnType<Tail['run']>>;
        },
      };
    }
    const project = spec.gradient.kind === 'factors' ? undefined : await this.projection(spec);
    return {
      outputs,
      run: async (feeds) => {
        const result = await graph.gradient(feeds, loss, target.output, [pooled, loss, target.input]);
        const delta = byRow(result.gradient, feeds, this.imported, target.outFeatures);
        const x = byRow(result.outputs[target.input]!, feeds, this.imported, target.inFeatures);
        const block = project && (await project({ ...feeds, [DELTA]: delta, [X]: x }));
        return { pooled: result.outputs[pooled], loss: result.outputs[loss], delta, x, block } as Awaited<
          ReturnType<Tail['run']>
        >;
      },
    };
  }

  close(): Promise<void> {
    this.tails.clear();
    this.graphs.splice(0).forEach((graph) => {
      graph.dispose();
    });
    return Promise.resolve();
  }

  private async projection({ loss, gradient }: TailSpec): Promise<(feeds: Feeds) => Promise<Tensor>> {
    if (gradient?.kind !== 'bilinear') throw new Error('only a bilinear projection is part of a tail');
    const { target } = this.imported;
    const g = new GraphBuilder(`${this.imported.id} projection`, 17);
    const delta = g.input(DELTA, 'float32', ['rows', 'terms', target.outFeatures]);
    const x = g.input(X, 'float32', ['rows', 'terms', target.inFeatures]);
    const way = { shared: (loss?.views ?? 1) > 1, built: false };
    const block = writeProjection(g, this.imported, gradient, way, delta, x);
    const graph = await this.graph(g);
    return async (feeds) => (await graph.run(feeds, [block]))[block]!;
  }

  private async graph(g: GraphBuilder): Promise<TfjsGraph> {
    const constants = new Map<string, Tensor>();
    for (const [name, tensor] of g.constants)
      constants.set(name, await tensorData(tensor, this.imported.tail.folder, this.imported.id));
    const graph = await TfjsGraph.create({ name: g.name, opset: g.opset, nodes: g.nodes, constants });
    this.graphs.push(graph);
    return graph;
  }
}

/** What tells specs apart: the graph that they write. */
function specGraph(imported: ImportedEncoder, { loss, gradient }: TailSpec): Uint8Array {
  const g = new GraphBuilder(JSON.stringify(gradient ?? null), imported.tail.opset);
  const { pooled } = writeForward(g, imported, loss);
  g.output(pooled, 'float32', ['views', imported.dims]);
  return g.build();
}

const DELTA = 'fungi.delta';
const X = 'fungi.x';

/** [U,A,W] of any layout of the same elements; U and A are those of the boundary. */
function byRow(tensor: Tensor, feeds: Feeds, { boundary }: ImportedEncoder, width: number): Tensor {
  const [rows, tokens] = feeds[boundary[0]!.name]!.shape as [number, number];
  return { ...tensor, shape: [rows, tokens, width] };
}
