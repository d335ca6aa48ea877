/** Questions about a graph: who makes a tensor, who uses it, what it depends on. */
import { FungiError } from '../core/errors.js';
import type { GraphProto, NodeProto, TensorProto } from './proto/onnx_pb.js';
import type { Shape } from './shape.js';
import { declaredShape } from './value-info.js';

export class Graph {
  /** Nodes that `outputs` depend on, in the file's (topological) order. */
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  private readonly makers = new Map<string, NodeProto>();
  private readonly users = new Map<string, NodeProto[]>();
  /** Tensors computed from initializers alone. */
  private readonly constants = new Set<string>();
  /** Tensors whose values (not only shapes) depend on a graph input. */
  private readonly data = new Set<string>();

  /** @param outputs the tensors to keep: everything that they do not need is pruned */
  constructor(
    private readonly proto: GraphProto,
    readonly outputs: readonly string[],
  ) {
    this.initializers = new Map(proto.initializer.map((tensor) => [tensor.name, tensor]));
    const allMakers = new Map(proto.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
    const needed = new Set<NodeProto>();
    const pending = [...outputs];
    while (pending.length > 0) {
      const node = allMakers.get(pending.pop()!);
      if (node === undefined || needed.has(node)) continue;
      needed.add(node);
      pending.push(...dependencies(node));
    }
    this.nodes = proto.node.filter((node) => needed.has(node));
    for (const name of this.initializers.keys()) this.constants.add(name);
    for (const input of proto.input) if (!this.initializers.has(input.name)) this.data.add(input.name);
    for (const node of this.nodes) this.visit(node);
  }

  private visit(node: NodeProto): void {
    const inputs = dependencies(node);
    for (const name of inputs) this.users.set(name, [...(this.users.get(name) ?? []), node]);
    const constant = inputs.every((name) => this.constants.has(name));
    const data = node.opType !== 'Shape' && inputs.some((name) => this.data.has(name));
    for (const name of node.output) {
      this.makers.set(name, node);
      if (constant) this.constants.add(name);
      if (data) this.data.add(name);
    }
  }

  maker(tensor: string): NodeProto | undefined {
    return this.makers.get(tensor);
  }

  usersOf(tensor: string): readonly NodeProto[] {
    return this.users.get(tensor) ?? [];
  }

  isConstant(tensor: string): boolean {
    return this.constants.has(tensor);
  }

  /** Whether the tensor's values depend on an input of the graph; a Shape node lets no values through. */
  carriesData(tensor: string): boolean {
    return this.data.has(tensor);
  }

  isInput(tensor: string): boolean {
    return this.proto.input.some((input) => input.name === tensor) && !this.initializers.has(tensor);
  }

  get inputNames(): readonly string[] {
    return this.proto.input.map(({ name }) => name).filter((name) => this.isInput(name));
  }

  /** Of an input, where the file says. */
  inputShape(tensor: string): Shape | undefined {
    const info = this.proto.input.find((input) => input.name === tensor);
    return info && declaredShape(info);
  }

  /** Every node that `tensors` are computed with. */
  upstreamOf(tensors: readonly string[]): readonly NodeProto[] {
    const found = new Set<NodeProto>();
    const pending = [...tensors];
    while (pending.length > 0) {
      const node = this.makers.get(pending.pop()!);
      if (node === undefined || found.has(node)) continue;
      found.add(node);
      pending.push(...dependencies(node));
    }
    return this.nodes.filter((node) => found.has(node));
  }

  /** Every node whose outputs depend on `tensor`. */
  downstreamOf(tensor: string): readonly NodeProto[] {
    const reached = new Set([tensor]);
    return this.nodes.filter((node) => {
      const hit = dependencies(node).some((name) => reached.has(name));
      if (hit) node.output.forEach((name) => reached.add(name));
      return hit;
    });
  }
}

/** Names a node reads: its inputs, and outer tensors that its subgraphs (If, Loop) capture. */
export function dependencies(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== '');
  for (const attribute of node.attribute) {
    for (const graph of [attribute.g, ...attribute.graphs]) {
      if (graph === undefined) continue;
      const own = [...graph.input, ...graph.initializer].map(({ name }) => name);
      const inner = new Set([...own, ...graph.node.flatMap((n) => n.output)]);
      names.push(...graph.node.flatMap(dependencies).filter((name) => !inner.has(name)));
    }
  }
  return names;
}

/** @throws {FungiError} INVALID_ARGUMENT listing the outputs there are */
export function assertOutput(proto: GraphProto, name: string, model: string): void {
  const names = proto.output.map((output) => output.name);
  if (names.includes(name) || proto.node.some((node) => node.output.includes(name))) return;
  throw new FungiError('INVALID_ARGUMENT', `${model} has no tensor "${name}"; its outputs are ${names.join(', ')}`, {
    details: { outputs: names },
  });
}
