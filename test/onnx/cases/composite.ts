/** Graphs of several operators: what encoders and losses are made of, and random ones in which tensors are used again and again. */
import { Rng } from '../../../src/core/rng.js';
import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { ops } from '../../../src/onnx/ops.js';
import { DIMS, floats, since, type Case } from './case.js';

const NORMALIZED = since(17);

const attention: Case = {
  rule: 'attention',
  label: 'softmax(Q·Kᵀ)·V, all from one tensor',
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 4] }, { shape: [4, 4] }],
  write(g, [x, w]) {
    const { matmul, reshape, mul } = ops(g);
    const heads = (y: string): string => g.op('Transpose', [reshape(y, [0, 0, 2, 2])], { perm: [0, 2, 1, 3] });
    const query = heads(matmul(x!, w!));
    const keys = g.op('Transpose', [heads(x!)], { perm: [0, 1, 3, 2] });
    const weights = g.op('Softmax', [mul(matmul(query, keys), 0.7)], { axis: 3 });
    return reshape(g.op('Transpose', [matmul(weights, heads(x!))], { perm: [0, 2, 1, 3] }), [0, 0, 4]);
  },
};

const block: Case = {
  rule: 'a transformer block',
  label: 'projection, residual, LayerNorm, MLP with GELU, residual, LayerNorm, mean, unit length',
  opsets: NORMALIZED,
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 4] }, { shape: [4, 4] }, { shape: [4, 6] }],
  write(g, [x, w, up], type) {
    const { add, matmul, mul, mean, normalize } = ops(g);
    const one = floats(g, type, [1, 0.9, 1.1, 1.2], [4]);
    const norm = (y: string): string => g.op('LayerNormalization', [y, one, one]);
    const hidden = norm(add(x!, add(matmul(x!, w!), one)));
    const inner = matmul(hidden, up!);
    const erf = g.op('Erf', [mul(inner, Math.SQRT1_2)]);
    const gelu = mul(mul(inner, add(erf, 1)), 0.5);
    const down = g.op('Transpose', [up!], { perm: [1, 0] });
    return normalize(mean(norm(add(hidden, matmul(gelu, down))), [1]));
  },
};

/** What follows the last attention of T5 1.1: no biases, RMS norms, a gated MLP; norms and products as exported or as fused. */
const t5 = (fused: boolean): Case => ({
  rule: 'the end of T5',
  label: fused ? 'as onnxruntime fuses it' : 'as exported',
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 4] }, { shape: [4, 6] }, { shape: [6, 4] }],
  write(g, [x, up, down], type) {
    const { add, div, matmul, mean, mul, sqrt } = ops(g);
    const gamma = floats(g, type, [1, 0.9, 1.1, 1.2], [4]);
    const plain = (y: string): string => {
      const square = g.op('Pow', [y, g.scalar(2, type)]);
      return mul(gamma, mul(y, div(g.scalar(1, type), sqrt(add(mean(square, [-1], true), 1e-6)))));
    };
    const one = (y: string): string =>
      g.op('SimplifiedLayerNormalization', [y, gamma], { axis: -1, epsilon: { float: 1e-6 } });
    const norm = fused ? one : plain;
    const inner = matmul(norm(x!), up!);
    const gate = fused
      ? g.op('FastGelu', [inner], {}, { domain: 'com.microsoft' })
      : mul(
          mul(inner, 0.5),
          add(
            g.op('Tanh', [
              mul(add(inner, mul(g.op('Pow', [inner, g.scalar(3, type)]), 0.044715)), Math.sqrt(2 / Math.PI)),
            ]),
            1,
          ),
        );
    const back = mul(gate, inner);
    return norm(
      add(x!, fused ? g.op('FusedMatMul', [back, down!], {}, { domain: 'com.microsoft' }) : matmul(back, down!)),
    );
  },
});

/** Gated MLPs with one product for both halves, and tokens picked and put in front along a symbolic axis. */
const gated: Case = {
  rule: 'a gated MLP',
  label: 'SiLU of one half of a product times the other; first token in front of the rest',
  opsets: since(13),
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 4] }, { shape: [4, 6] }],
  write(g, [x, w]) {
    const { matmul, mul, concat, add, mean } = ops(g);
    const outputs = ['gate', 'value'].map((name) => `${x!}/${name}`);
    g.op('Split', [matmul(x!, w!), g.integers([3, 3])], { axis: -1 }, { outputs });
    const [gate, value] = outputs as [string, string];
    const y = mul(mul(gate, g.op('Sigmoid', [gate])), value);
    const first = g.op('Slice', [y, g.integers([0]), g.integers([1]), g.integers([1])]);
    const picked = g.op('Unsqueeze', [g.op('Gather', [y, g.scalar(-1, 'int64')], { axis: 1 }), g.integers([1])]);
    const long = concat([add(first, picked), y, mul(y, first)], 1);
    return add(mean(long, [1]), g.op('ReduceMax', [first], { keepdims: 0 }));
  },
};

const twice: Case = {
  rule: 'a tensor used again',
  label: 'as both operands, on two branches, and beside its own function',
  operands: [{ shape: [2, 3] }, { shape: [3] }],
  write(g, [x, y]) {
    const { add, mul } = ops(g);
    const square = g.op('Mul', [x!, x!]);
    const gram = g.op('MatMul', [square, g.op('Transpose', [x!], { perm: [1, 0] })]);
    const branches = add(g.op('Tanh', [mul(x!, y!)]), mul(square, add(x!, y!)));
    return g.op('MatMul', [gram, g.op('Concat', [branches, square, branches], { axis: 1 })]);
  },
};

/** Each step takes tensors made before, so that most are used several times; every value stays of order 1. */
function randomGraph(g: GraphBuilder, x: readonly string[], seed: number): string {
  const { add, sub, mul, div, mean, sum, exp, sqrt, logSumExp, matmul, concat, normalize } = ops(g);
  const rng = Rng.stream(seed, 'graph');
  const pool = [...x];
  const pick = (): string => pool[rng.int(pool.length)]!;
  const tanh = (a: string): string => g.op('Tanh', [a]);
  const steps: readonly (() => string)[] = [
    () => add(pick(), pick()),
    () => sub(pick(), mean(pick(), [rng.int(2)], true)),
    () => mul(pick(), pick()),
    () => mul(pick(), logSumExp(pick(), [1], true)),
    () => div(pick(), add(exp(tanh(pick())), 1)),
    () => sqrt(add(mul(pick(), tanh(pick())), 9)),
    () => normalize(add(pick(), 2)),
    () => g.op('Softmax', [pick()], { axis: 1 }),
    () => matmul(g.op('Transpose', [pick()], { perm: [1, 0] }), g.op('Sigmoid', [pick()])),
    () => add(pick(), sum(pick(), [0, 1])),
    () => {
      const wide = concat([pick(), pick()], 1);
      return g.op('Slice', [wide, g.integers([1]), g.integers([4]), g.integers([1])]);
    },
    () => g.op('Gemm', [pick(), pick()], { transB: rng.int(2), alpha: { float: 0.5 } }),
  ];
  for (let i = 0; i < 8; i++) pool.push(tanh(steps[rng.int(steps.length)]!()));
  return concat([...pool.slice(-3), add(x[0]!, x[1]!)], 0);
}

const random = Array.from({ length: 25 }, (_, seed): Case => {
  return {
    rule: 'random graphs',
    label: `seed ${seed}`,
    opsets: [[11, 13, 18][seed % 3]!],
    operands: [{ shape: [3, 3] }, { shape: [3, 3] }],
    write: (g, x) => randomGraph(g, x, seed),
  };
});

export const compositeCases: readonly Case[] = [attention, block, t5(false), t5(true), gated, twice, ...random];
