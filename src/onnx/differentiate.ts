/** Reverse-mode differentiation of a graph: appends the nodes that compute a derivative to the graph itself. */
import { FungiError } from '../core/errors.js';
import type { GraphBuilder } from './builder.js';
import { assertRules, gradientPath } from './gradient-path.js';
import { RULES } from './rules/table.js';

/**
 * Appends ∂(Σ value)/∂(wrt): each element of `value` has cotangent 1. Where items of a batch do not interact, that is every
 * item's own gradient.
 *
 * @param value a tensor that depends on `wrt`, of any shape
 * @returns the derivative, of the shape of `wrt`
 * @throws {FungiError} OP_UNSUPPORTED naming operator, node and graph when an operator between the two has no rule
 */
export function differentiate(g: GraphBuilder, value: string, wrt: string): string {
  const path = gradientPath(g.nodes, value, wrt);
  // Before anything else is asked of the graph: behind an operator without a rule no shape is known either.
  assertRules(path, g.name);
  const active = new Set([wrt, ...path.flatMap((node) => node.output)]);

  const cotangents = new Map([[value, g.op('Expand', [one(g, value), g.op('Shape', [value])])]]);
  for (const node of path.toReversed()) {
    const upstream = node.output.map((name) => cotangents.get(name));
    if (upstream.every((cotangent) => cotangent === undefined)) continue;
    const rule = RULES.get(`${node.domain}:${node.opType}`)!;
    const gradients = rule.vjp({ g, node, cotangents: upstream, needs: (i) => active.has(node.input[i] ?? '') });
    node.input.forEach((name, i) => {
      const gradient = gradients[i];
      if (gradient === undefined || !active.has(name)) return;
      const known = cotangents.get(name);
      cotangents.set(name, known === undefined ? gradient : g.op('Add', [known, gradient]));
    });
  }
  const gradient = cotangents.get(wrt);
  if (gradient === undefined) {
    throw new FungiError('MODEL_UNSUPPORTED', `${g.name}: "${value}" does not depend on "${wrt}"`);
  }
  return gradient;
}

function one(g: GraphBuilder, value: string): string {
  return g.scalar(1, g.known(value).type === 'float64' ? 'float64' : 'float32');
}
