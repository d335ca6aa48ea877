/**
 * BERT as an ONNX graph over the weights of its safetensors file: they stay where they are, the graph holds offsets only.
 *
 * Devlin et al. 2019 (arXiv:1810.04805), computed as transformers' BertModel does (eager attention, no pooler), in the form
 * and with the names of a PyTorch export at opset 17. Axes: B texts, A tokens, D hidden, H heads, I intermediate.
 */
import { FungiError } from '../core/errors.js';
import type { SafetensorsEntry } from '../core/safetensors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { BertConfig } from './bert-config.js';

/** The activations BERT checkpoints come with: exact, and the tanh approximation of Google's code. */
const ACTIVATIONS: Readonly<Record<string, 'erf' | 'tanh'>> = {
  gelu: 'erf',
  gelu_python: 'erf',
  gelu_new: 'tanh',
  gelu_fast: 'tanh',
  gelu_pytorch_tanh: 'tanh',
  gelu_python_tanh: 'tanh',
};

/** Where the weights lie. */
export interface WeightFile {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  /** File name, beside the graph. */
  readonly location: string;
  /** Names the file in errors. */
  readonly path: string;
}

/**
 * Serialised ONNX: input_ids, attention_mask, token_type_ids [B,A] int64 → last_hidden_state [B,A,D].
 *
 * @throws {FungiError} MODEL_UNSUPPORTED for another activation or number format; MODEL_CORRUPT when a weight is missing or has
 *   a shape that config.json contradicts
 */
export function bertGraph(config: BertConfig, weights: WeightFile): Uint8Array {
  return new BertGraph(config, weights).build();
}

class BertGraph {
  private readonly g = new GraphBuilder('bert', 17);
  private readonly prefix: string;
  private readonly activation: 'erf' | 'tanh';

  constructor(
    private readonly config: BertConfig,
    private readonly weights: WeightFile,
  ) {
    this.prefix = weights.tensors.has('bert.embeddings.word_embeddings.weight') ? 'bert.' : '';
    const activation = ACTIVATIONS[config.hidden_act];
    if (activation === undefined) {
      throw new FungiError(
        'MODEL_UNSUPPORTED',
        `hidden_act "${config.hidden_act}" is not among ${Object.keys(ACTIVATIONS).join(', ')}`,
      );
    }
    this.activation = activation;
  }

  build(): Uint8Array {
    const { g, config } = this;
    const grid = ['batch', 'tokens'];
    const [ids, mask, types] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
      g.input(name, 'int64', grid),
    );
    let hidden = this.embeddings(ids!, types!);
    const bias = this.maskBias(mask!);
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const scope = `encoder/layer.${layer}`;
      hidden = this.attention(`${scope}/attention`, hidden, bias);
      hidden = this.feedForward(scope, hidden);
    }
    g.output(hidden, 'float32', [...grid, config.hidden_size], 'last_hidden_state');
    return g.build();
  }

  /** Sum of word, type and position rows, normalised: [B,A] twice → [B,A,D]. */
  private embeddings(ids: string, types: string): string {
    const { g, config } = this;
    const scope = 'embeddings';
    const table = (name: string, rows: number) =>
      this.weight(`${scope}.${name}_embeddings.weight`, [rows, config.hidden_size]);
    const words = this.node('Gather', `${scope}/word_embeddings`, [table('word', config.vocab_size), ids]);
    const kinds = this.node('Gather', `${scope}/token_type_embeddings`, [
      table('token_type', config.type_vocab_size),
      types,
    ]);
    const tokens = this.node('Shape', scope, [ids], { start: 1, end: 2 });
    const positions = this.node('Slice', `${scope}/position_embeddings`, [
      table('position', config.max_position_embeddings),
      g.integers([0]),
      tokens,
      g.integers([0]),
    ]);
    const sum = this.node('Add', `${scope}/position`, [this.node('Add', scope, [words, kinds]), positions]);
    return this.layerNorm(`${scope}/LayerNorm`, sum);
  }

  /** What is added to the scores: 0 where the mask is 1, the most negative float where it is 0. [B,A] → [B,1,1,A] */
  private maskBias(mask: string): string {
    const { g } = this;
    const wide = this.node('Cast', 'mask', [this.node('Unsqueeze', 'mask', [mask, g.integers([1, 2])])], { to: 1 });
    const inverse = this.node('Sub', 'mask', [g.scalar(1), wide]);
    return this.node('Mul', 'mask', [inverse, g.scalar(-3.4028234663852886e38)]);
  }

  /** Self-attention with its output projection, residual and normalisation: [B,A,D] → [B,A,D]. */
  private attention(scope: string, x: string, bias: string): string {
    const { g, config } = this;
    const [width, heads] = [config.hidden_size, config.num_attention_heads];
    const self = `${scope}/self`;
    const byHead = (part: string, perm: number[]) => {
      const flat = this.linear(`${self}/${part}`, x, width, width);
      const split = this.node('Reshape', `${self}/${part}`, [flat, g.integers([0, 0, heads, width / heads])]);
      return this.node('Transpose', `${self}/${part}_heads`, [split], { perm });
    };
    const query = byHead('query', [0, 2, 1, 3]);
    const key = byHead('key', [0, 2, 3, 1]);
    const value = byHead('value', [0, 2, 1, 3]);
    const product = this.node('MatMul', `${self}/scores`, [query, key]);
    const scores = this.node('Div', self, [product, g.scalar(Math.sqrt(width / heads))]);
    const weights = this.node('Softmax', self, [this.node('Add', self, [scores, bias])], { axis: -1 });
    const context = this.node('MatMul', `${self}/context`, [weights, value]);
    const byToken = this.node('Transpose', `${self}/context`, [context], { perm: [0, 2, 1, 3] });
    const joined = this.node('Reshape', `${self}/context`, [byToken, g.integers([0, 0, width])]);
    return this.outputBlock(`${scope}/output`, joined, x, width);
  }

  /** The two-layer perceptron with residual and normalisation: [B,A,D] → [B,A,D]. */
  private feedForward(scope: string, x: string): string {
    const { hidden_size: width, intermediate_size: inner } = this.config;
    const up = this.linear(`${scope}/intermediate/dense`, x, width, inner);
    return this.outputBlock(`${scope}/output`, this.gelu(`${scope}/intermediate/intermediate_act_fn`, up), x, inner);
  }

  /** LayerNorm(dense(x) + residual) */
  private outputBlock(scope: string, x: string, residual: string, inFeatures: number): string {
    const dense = this.linear(`${scope}/dense`, x, inFeatures, this.config.hidden_size);
    return this.layerNorm(`${scope}/LayerNorm`, this.node('Add', scope, [dense, residual]));
  }

  /** x·Wᵀ + b with W [out, in], as PyTorch keeps it. */
  private linear(scope: string, x: string, inFeatures: number, outFeatures: number): string {
    const weight = this.weight(`${stateName(scope)}.weight`, [outFeatures, inFeatures]);
    const transposed = this.node('Transpose', scope, [weight], { perm: [1, 0] });
    const product = this.node('MatMul', scope, [x, transposed]);
    return this.node('Add', scope, [this.weight(`${stateName(scope)}.bias`, [outFeatures]), product]);
  }

  private layerNorm(scope: string, x: string): string {
    const name = stateName(scope);
    const size = [this.config.hidden_size];
    // Checkpoints converted from TensorFlow call weight and bias gamma and beta.
    const [scale, shift] = this.has(`${name}.gamma`) ? ['gamma', 'beta'] : ['weight', 'bias'];
    const inputs = [x, this.weight(`${name}.${scale}`, size), this.weight(`${name}.${shift}`, size)];
    return this.node('LayerNormalization', scope, inputs, { axis: -1, epsilon: { float: this.config.layer_norm_eps } });
  }

  private gelu(scope: string, x: string): string {
    const { g } = this;
    const half = (y: string) => this.node('Mul', `${scope}/half`, [this.node('Mul', scope, [x, y]), g.scalar(0.5)]);
    const plusOne = (y: string) => this.node('Add', scope, [y, g.scalar(1)]);
    if (this.activation === 'erf') {
      return half(plusOne(this.node('Erf', scope, [this.node('Div', scope, [x, g.scalar(Math.SQRT2)])])));
    }
    const cube = this.node('Mul', `${scope}/cube`, [this.node('Pow', scope, [x, g.scalar(3)]), g.scalar(0.044715)]);
    const inner = this.node('Mul', `${scope}/inner`, [
      this.node('Add', `${scope}/inner`, [x, cube]),
      g.scalar(Math.sqrt(2 / Math.PI)),
    ]);
    return half(plusOne(this.node('Tanh', scope, [inner])));
  }

  /** A node called /scope/Type, its output /scope/Type_output_0. */
  private node(
    type: string,
    scope: string,
    inputs: string[],
    attributes: Parameters<GraphBuilder['op']>[2] = {},
  ): string {
    const name = `/${scope}/${type}`;
    return this.g.op(type, inputs, attributes, { name, outputs: [`${name}_output_0`] });
  }

  private has(name: string): boolean {
    return this.weights.tensors.has(this.prefix + name);
  }

  private weight(name: string, shape: readonly number[]): string {
    const { tensors, location, path } = this.weights;
    const entry = tensors.get(this.prefix + name);
    if (entry === undefined) throw new FungiError('MODEL_CORRUPT', `${path}: has no weight "${this.prefix}${name}"`);
    if (entry.dtype !== 'F32') {
      throw new FungiError('MODEL_UNSUPPORTED', `${path}: weight "${name}" is ${entry.dtype}; only F32 is converted`, {
        hint: 'Use the float32 model.safetensors, or an onnx/model.onnx export.',
      });
    }
    if (entry.shape.join() !== shape.join()) {
      const found = `[${entry.shape.join(', ')}], config.json says [${shape.join(', ')}]`;
      throw new FungiError('MODEL_CORRUPT', `${path}: weight "${name}" has shape ${found}`);
    }
    return this.g.external(name, 'float32', shape, { location, offset: entry.offset, length: entry.bytes });
  }
}

/** The name of a module's weights in the state dict: dots where the graph's scope has slashes. */
const stateName = (scope: string): string => scope.replaceAll('/', '.');
