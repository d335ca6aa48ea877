/** `fungi models inspect`: what the engine makes of an encoder, before anything is built with it. */
import type { Command } from 'commander';
import type { Modality } from '../../core/item.js';
import type { GradientSource } from '../../engine/gradient-sources.js';
import type { Inspection } from '../../engine/inspect.js';
import type { CommonOptions, Report, Run } from '../context.js';
import { nounOf } from '../nouns.js';
import { addCommonOptions, addEncoderOptions, pick, sourcesOf, type EncoderFlags } from '../options.js';
import { pairs } from '../output.js';

export function addInspect(models: Command, run: Run): void {
  addCommonOptions(addEncoderOptions(models.command('inspect'), { argument: true }))
    .description('show where an encoder is cut, what was checked, which derivatives there are and what an item costs')
    .argument('<model>', 'folder, hub id or short name')
    .addHelpText(
      'after',
      '\nThe model is loaded and run on two small items. Nothing is fetched.\n\nExamples:\n  fungi models inspect minilm\n  fungi models inspect ./t5-small --file onnx/encoder_model.onnx --json',
    )
    .action((id: string, flags: EncoderFlags & CommonOptions) =>
      run(flags, async (context): Promise<Report> => {
        const { loadEncoder } = await import('../../encoders/load-encoder.js');
        const { gradientSources } = await import('../../engine/gradient-sources.js');
        const { inspectEncoder } = await import('../../engine/inspect.js');
        const { kl } = await import('../../losses/kl.js');
        const { file, pooling } = flags;
        const sources = sourcesOf(context);
        const encoder = await loadEncoder(id, { ...sources, offline: true, file, pooling });
        const inspection = await inspectEncoder(encoder, kl({ mode: 'paper' }), {
          ...pick(flags, 'target', 'output', 'provider', 'threads', 'precision'),
          cacheDir: sources.cacheDir,
          log: context.log,
        });
        const targets = await gradientSources(encoder, pick(flags, 'output'));
        const { modality, maxTokens, poolingSource = 'default' } = encoder;
        const text = pairs(lines(encoder.id, inspection, { modality, maxTokens, poolingSource, targets }));
        return { text, json: { id: encoder.id, modality, maxTokens, poolingSource, ...inspection, targets } };
      }),
    );
}

function lines(
  id: string,
  inspection: Inspection,
  {
    modality,
    maxTokens,
    poolingSource,
    targets,
  }: {
    readonly modality: Modality;
    readonly maxTokens: number;
    readonly poolingSource: string;
    readonly targets: readonly GradientSource[];
  },
): [string, string][] {
  const { target, boundary, checks, parameters, flops } = inspection;
  const noun = nounOf(modality);
  const a = modality === 'image' ? 'an' : 'a';
  const types = Object.entries(parameters.types).map(([type, count]) => `${quantity(count)} ${type}`);
  return [
    ['verdict', verdict(inspection)],
    ['model', id],
    ['file', `${inspection.modelPath}, operator set ${inspection.opset}`],
    [
      'parameters',
      `${quantity(parameters.trunk + parameters.tail)} (${types.join(', ')}); ${quantity(parameters.tail)} of them behind the cut`,
    ],
    ['inputs', `${inspection.inputs.join(', ')}${modality === 'text' ? `; up to ${maxTokens} tokens` : ''}`],
    ['token states', `${inspection.output} [batch, tokens, ${inspection.dims}]`],
    ['pooling', `${inspection.pooling} (${poolingSource})`],
    ...(inspection.int8 ? [['int8', int8Line(inspection.int8)] as [string, string]] : []),
    ...(inspection.quantised ? [['quantised', quantised(inspection, noun)] as [string, string]] : []),
    [
      'target layer',
      target === undefined
        ? 'none'
        : `${target.node}: ${target.inFeatures} → ${target.outFeatures}, ${target.bias ? 'with' : 'without'} bias`,
    ],
    ...(targets.length > 1 ? [['other targets', otherTargets(targets)] as [string, string]] : []),
    ['cut at', boundary.map(({ name, width, type }) => `${name} (${width}, ${type})`).join('; ')],
    [
      'checked',
      `cut against whole: f(x) differs by ${distance(checks.cut)}${checks.padding === undefined ? '' : `; beside ${modality === 'image' ? 'another' : 'a longer'} ${noun} by ${distance(checks.padding)}`}`,
    ],
    ['behind the cut', tokensBehind(inspection)],
    ['derivatives', derivatives(inspection)],
    [
      `${a} ${noun}`,
      `of ${flops.tokens} tokens takes ${giga(flops.uncut)} GFLOP whole, ${giga(flops.trunk + flops.tail)} as it is cut${flops.gradient === undefined ? '' : `, ${giga(flops.trunk + flops.gradient)} with the KL gradient`}`,
    ],
  ];
}

/** What the model can be used for. */
function verdict({ undifferentiable, tfjs, unsliced }: Inspection): string {
  if (undifferentiable === undefined)
    return unsliced === undefined ? 'embeddings and gradients' : 'embeddings and gradients, slower than it could be';
  return tfjs === true ? 'embeddings; gradients with --engine tfjs only' : 'embeddings only (--losses none)';
}

/** What `--target` can name besides. */
function otherTargets(targets: readonly GradientSource[]): string {
  const first = targets[0]!;
  const blocks = new Set(targets.map(({ block }) => block)).size;
  return `${targets.length} layers of ${blocks} ${blocks === 1 ? 'block' : 'blocks'} (--json lists them), the first is ${first.name}`;
}

const int8Line = ({ products, error }: NonNullable<Inspection['int8']>): string =>
  `${products} products; the states at the cut differ by ${error.toFixed(3)} from those of the file (0.2 is allowed)`;

const quantised = ({ entangled }: Inspection, noun: string): string =>
  entangled ? `with scales taken from the batch: each ${noun} runs alone` : 'with fixed scales';

function tokensBehind({ sliced, unsliced, pooling }: Inspection): string {
  if (sliced) return 'token 0 alone';
  if (unsliced !== undefined) return `every token, which is slower: token 0 alone does not do (${unsliced})`;
  return pooling === 'first' ? 'every token, as attention needs them' : `every token, as pooling ${pooling} needs`;
}

function derivatives({ operators, undifferentiable, tfjs }: Inspection): string {
  const list = operators.map(({ op, count, rule }) => `${op} × ${count}${rule ? '' : ' (no rule)'}`).join(', ');
  if (undifferentiable === undefined) return list;
  const way = tfjs === undefined ? '' : tfjs ? '; --engine tfjs can' : '; nor can --engine tfjs';
  return `none: ${undifferentiable}${way}${list === '' ? '' : `. Operators: ${list}`}`;
}

const UNITS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** 108.9 M */
function quantity(count: number): string {
  const [size, unit] = UNITS.find(([limit]) => count >= limit) ?? [1, ''];
  return `${(count / size).toFixed(size === 1 ? 0 : 1)} ${unit}`.trim();
}

const distance = (error: number): string => (error === 0 ? '0' : error.toExponential(1));

const giga = (flops: number): string => (flops / 1e9).toPrecision(3);
