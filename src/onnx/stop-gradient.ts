/**
 * A tensor that derivatives take for a constant although it depends on what they are taken for, as PyTorch's `detach` makes one. ONNX
 * has no operator for it: it is an Identity, marked in the metadata of its node, which runtimes pass over. The mark goes with the node
 * wherever it is copied, so that both engines find it.
 */
import type { GraphBuilder } from './builder.js';
import type { NodeProto } from './proto/onnx_pb.js';

const [KEY, VALUE] = ['fungi.derivative', 'none'] as const;

/** @returns `tensor`, through which nothing flows back */
export const stopGradient = (g: GraphBuilder, tensor: string): string =>
  g.op('Identity', [tensor], {}, { metadata: { [KEY]: VALUE } });

export const stopsGradient = ({ metadataProps }: NodeProto): boolean =>
  metadataProps.some(({ key, value }) => key === KEY && value === VALUE);
