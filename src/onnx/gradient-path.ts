/** Which nodes of a graph a derivative passes on its way back, and that each of them has a rule. */
import { FungiError } from '../core/errors.js';
import { intAttribute } from './attributes.js';
import { dependencies } from './graph.js';
import type { NodeProto } from './proto/onnx_pb.js';
import { RULES } from './rules/table.js';
import { isFloating } from './rules/rule.js';
import { stopsGradient } from './stop-gradient.js';
import { elementType } from './tensor.js';

/** Results that do not change with small changes of the inputs: sizes, comparisons, logic, positions, whole numbers. */
const FLAT = new Set([
  ...['Shape', 'Size', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'And', 'Or', 'Xor'],
  ...['IsNaN', 'IsInf', 'ArgMax', 'ArgMin', 'NonZero', 'ConstantOfShape', 'Sign', 'Floor', 'Ceil', 'Round'],
]);

const isFlat = (node: NodeProto): boolean =>
  FLAT.has(node.opType) ||
  stopsGradient(node) ||
  (node.opType === 'Cast' && !isFloating(elementType(intAttribute(node, 'to', 1))));

/** The nodes of `nodes` (in topological order) through which ∂value/∂wrt passes, in that order. */
export function gradientPath(nodes: readonly NodeProto[], value: string, wrt: string): NodeProto[] {
  const reached = new Set([wrt]);
  const dependent = nodes.filter((node) => {
    if (isFlat(node) || node.output.includes(wrt) || !dependencies(node).some((name) => reached.has(name)))
      return false;
    node.output.forEach((name) => reached.add(name));
    return true;
  });
  const wanted = new Set([value]);
  const backwards = dependent.toReversed().filter((node) => {
    if (!node.output.some((name) => wanted.has(name))) return false;
    dependencies(node).forEach((name) => wanted.add(name));
    return true;
  });
  return backwards.toReversed();
}

/**
 * @param model names the graph in the error
 * @throws {FungiError} OP_UNSUPPORTED naming operator, node and model, for the node of `path` without a rule that is nearest to the end
 */
export function assertRules(path: readonly NodeProto[], model: string): void {
  const node = path.findLast(({ domain, opType }) => !RULES.has(`${domain}:${opType}`));
  if (node === undefined) return;
  const op = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  throw new FungiError('OP_UNSUPPORTED', `${model}: operator ${op} (node "${node.name}") has no derivative rule`, {
    hint: 'Try --engine tfjs, which needs no rules; or an unoptimised, unquantised export; or name a later layer with --target. Embeddings alone (--losses none) need no rule either.',
    details: { op, node: node.name, graph: model },
  });
}
