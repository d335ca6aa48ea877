/** What images and audio ask of a model that texts do not: items all alike, one item a run, one vector an item, sizes that are fixed. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import type { Encoder, Pooling, Prepared } from '../../src/encoders/encoder.js';
import type { EngineOptions } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import { kl } from '../../src/losses/kl.js';
import { Graph } from '../../src/onnx/graph.js';
import { readModel } from '../../src/onnx/model.js';
import { attentionOutputs, type TargetLayer } from '../../src/onnx/target.js';
import { Session } from '../../src/runtime/session.js';
import { EditedModels, HIDDEN, TINY_BERT } from '../support/edited-model.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { mediaEncoder, type MediaItems } from '../support/media-encoder.js';
import { tinyBert, tinyBertArtefacts } from '../support/tiny-bert.js';
import { openEngines } from '../support/open-engines.js';

type Family = MediaItems & { readonly tokens: number; readonly states: GoldenArray };
const [vit, dinov2, whisper] = ['vit', 'dinov2', 'whisper'].map(
  (name) => readGolden(`media/${name}/expected.json`) as Family,
) as [Family, Family, Family];
const VIT = fixture('media/vit/model.onnx');

let models: EditedModels;
const engineOf = openEngines();
beforeAll(async () => (models = await EditedModels.create()));
afterAll(() => models.remove());
const load = <P extends Prepared>(encoder: Encoder<P>, options: EngineOptions = {}): Promise<GradientEngine> =>
  engineOf(encoder, { threads: 1, ...options });

async function refusal<P extends Prepared>(encoder: Encoder<P>, options: EngineOptions = {}): Promise<FungiError> {
  const outcome: unknown = await load(encoder, options).catch((error: unknown) => error);
  if (FungiError.is(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error(`${encoder.modelPath} was taken`);
}

const listened = (): { readonly warnings: string[]; readonly log: NonNullable<EngineOptions['log']> } => {
  const warnings: string[] = [];
  return { warnings, log: { debug: () => undefined, info: () => undefined, warn: (line) => warnings.push(line) } };
};

async function pooled(engine: GradientEngine, items: readonly string[]): Promise<Float32Array> {
  const states = await engine.encode(items);
  return (await (await engine.program({})).run(states, [...items.keys()].map((place) => [place]))).pooled; // prettier-ignore
}

/** δ of the texts' KL gradients. */
async function deltas(engine: GradientEngine): Promise<number[]> {
  const spec = { loss: kl({ mode: 'paper', latent: 24 }), gradient: { kind: 'factors' } } as const;
  const program = await engine.program(spec, tinyBertArtefacts('kl'));
  const states = await engine.encode(tinyBert.texts.map(asItem));
  const { factors } = await program.run(states, [...tinyBert.texts.keys()].map((place) => [place])); // prettier-ignore
  return factors.flatMap(({ delta }) => [...delta]);
}

describe('items that all have the same number of tokens', () => {
  it.each([1, 5, 99])('have as many as the model makes of them, whatever the encoder says (%d)', async (told) => {
    const engine = await load(mediaEncoder(VIT, vit, 'mean', told));
    expect([...(await engine.encode(['items/0', 'items/1'])).offsets]).toEqual([0, vit.tokens, 2 * vit.tokens]);
    const states = values(vit.states);
    const means = [0, 1].flatMap((item) =>
      Array.from({ length: 16 }, (_, d) => {
        let sum = 0;
        for (let t = 0; t < vit.tokens; t++) sum += states[(item * vit.tokens + t) * 16 + d]!;
        return sum / vit.tokens;
      }),
    );
    expect(relativeError(await pooled(engine, ['items/0', 'items/1']), means)).toBeLessThan(1e-5);
  });

  it('need not all be pooled: what an encoder pads by itself it leaves out', async () => {
    const T = whisper.tokens;
    const encoder = mediaEncoder(fixture('media/whisper/model.onnx'), whisper, 'mean', T);
    const shorter = encoder.prepare(['items/0', 'items/1']).map((item, i) => ({ ...item, tokens: 4 + i, computed: T }));
    const engine = await load({ ...encoder, probe: () => shorter as never, prepare: () => shorter as never });
    expect([...(await engine.encode(['items/0', 'items/1'])).offsets]).toEqual([0, 4, 9]);
    const states = values(whisper.states);
    const means = shorter.flatMap(({ tokens }, item) =>
      Array.from({ length: 16 }, (_, d) => {
        let sum = 0;
        for (let t = 0; t < tokens; t++) sum += states[(item * T + t) * 16 + d]!;
        return sum / tokens;
      }),
    );
    expect(relativeError(await pooled(engine, ['items/0', 'items/1']), means)).toBeLessThan(1e-5);
  });

  it('that an encoder counts otherwise, item by item, are refused', async () => {
    const encoder = mediaEncoder(VIT, vit, 'mean');
    const probe = encoder.probe().map((item, i) => ({ ...item, tokens: 3 + i }));
    const error = await refusal({ ...encoder, probe: () => probe as never });
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toBe('media: the model makes 5 tokens of an item that has 4 as the encoder counts them');
  });

  it.each<Pooling>(['mean:0:6', 'mean:5:'])('are not enough for pooling %s', async (pooling) => {
    expect(await refusal(mediaEncoder(VIT, vit, pooling))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('sizes that a file fixes', () => {
  const FIXED = fixture('media/dinov2/fixed.onnx');

  it('are refused where the encoder gives others', async () => {
    const larger = await models.write((edit) => {
      edit.input('pixel_values', { shape: ['batch', 3, 32, 32] });
    }, FIXED);
    const error = await refusal(mediaEncoder(larger, dinov2, 'first'));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain('of the fixed shape [batch, 3, 32, 32]; it would get');
    expect(error.message).toContain('[2, 3, 16, 16]');
  });

  it('a batch above 1 is refused, even where a probe would fit', async () => {
    const pairs = await models.write((edit) => {
      edit.input('pixel_values', { shape: [2, 3, 16, 16] });
    }, FIXED);
    const error = await refusal(mediaEncoder(pairs, dinov2, 'first'));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain('of the fixed shape [2, 3, 16, 16]');
    expect(error.hint).toContain('dynamic');
  });

  it.each(['first', 'mean'] as const)(
    'a batch of 1 makes texts run one by one, with a warning (%s)',
    async (pooling) => {
      const single = await models.write((edit) => {
        for (const name of ['input_ids', 'attention_mask', 'token_type_ids'])
          edit.input(name, { shape: [1, 'tokens'] });
      });
      const { warnings, log } = listened();
      const [alone, batched] = [
        await load(idEncoder(single, pooling), { log }),
        await load(idEncoder(TINY_BERT, pooling)),
      ];
      expect(warnings).toEqual([expect.stringMatching(/^ids: the file takes one item a run.*dynamic batch axis$/)]);
      expect(relativeError(await deltas(alone), await deltas(batched))).toBeLessThan(1e-5);
    },
  );
});

describe('one vector an item', () => {
  const POOLED = fixture('fungi/tiny-bert/pooled.onnx');
  const texts = tinyBert.texts.map(asItem);

  /** `output` of each text alone. */
  async function uncut(path: string, output: string): Promise<number[]> {
    const session = await Session.load(await readFile(path), 'uncut', { threads: 1 });
    const encoder = idEncoder(path, 'first');
    const rows: number[] = [];
    for (const item of encoder.prepare(texts)) {
      const { [output]: row } = await session.run(encoder.collate([item], session.inputNames), [output]);
      rows.push(...(row!.data as Float32Array));
    }
    await session.release();
    return rows;
  }

  it.each<[string, Pooling, boolean]>([
    ['pooler_output', 'first', true],
    // Pooling is what the model does; a choice of ours changes nothing.
    ['pooler_output', 'mean', true],
    ['sentence_embedding', 'mean', false],
  ])('%s is f(x) where it is named, with pooling %s (sliced: %s)', async (output, pooling, sliced) => {
    const { warnings, log } = listened();
    const engine = await load(idEncoder(POOLED, pooling), { output, log });
    expect(engine.info).toMatchObject({ output, sliced, dims: 32 });
    expect(warnings).toHaveLength(Number(!sliced));
    expect(relativeError(await pooled(engine, texts), await uncut(POOLED, output))).toBeLessThan(1e-5);
    expect(await deltas(engine)).toHaveLength(32 * (sliced ? texts.length : tinyBert.texts.flat().length));
  });

  it.each(['pooler_output', 'sentence_embedding'])('has the same gradient on both engines (%s)', async (output) => {
    const [rules, judge] = [
      await load(idEncoder(POOLED, 'first'), { output }),
      await load(idEncoder(POOLED, 'first'), { output, engine: 'tfjs' }),
    ];
    expect(relativeError(await deltas(rules), await deltas(judge))).toBeLessThan(1e-4);
  });
});

describe('a tensor inside', () => {
  it('is f(x) by its name, and what follows it is pruned', async () => {
    const model = await readModel(VIT);
    const graph = new Graph(model.proto.graph!, [HIDDEN]);
    const [first, last] = attentionOutputs(graph) as [TargetLayer, TargetLayer];
    // The states behind the first block: the residual of the second, which its output projection is added to.
    const residual = graph
      .downstreamOf(last.output)
      .find(({ opType, input }) => opType === 'Add' && input.every((name) => !graph.isConstant(name)))!;
    const inner = residual.input.find((name) => !graph.downstreamOf(last.output).some(({ output }) => output.includes(name)))!; // prettier-ignore
    const engine = await load(mediaEncoder(VIT, vit, 'first'), { output: inner });
    expect(engine.info).toMatchObject({ output: inner, sliced: true, target: { tensor: first.output } });

    const shown = await models.write((edit) => {
      edit.outputs({ name: inner });
    }, VIT);
    const encoder = mediaEncoder(shown, vit, 'first');
    const session = await Session.load(await readFile(shown), 'shown', { threads: 1 });
    const { [inner]: states } = await session.run(encoder.collate(encoder.probe()), [inner]);
    await session.release();
    const rows = states!.data as Float32Array;
    const tokens = [...rows.subarray(0, 16), ...rows.subarray(vit.tokens * 16, vit.tokens * 16 + 16)];
    expect(relativeError(await pooled(engine, ['items/0', 'items/1']), tokens)).toBeLessThan(1e-6);
  });
});

describe('the layers of every block', () => {
  const artefacts = {
    'kl.head.weight': {
      data: Float32Array.from({ length: 16 * 8 }, (_, i) => Math.sin(1 + 5 * i) / 4),
      shape: [16, 8],
    },
    'kl.head.bias': { data: new Float32Array(8), shape: [8] },
  };

  it.each(['vit', 'whisper'])('of %s have the same gradient on both engines', async (family) => {
    const media = readGolden(`media/${family}/expected.json`) as Family;
    const encoder = mediaEncoder(fixture(`media/${family}/model.onnx`), media, 'mean');
    const sources = await gradientSources(encoder);
    expect(sources).toHaveLength(4);
    for (const { name: target } of sources) {
      const found: number[][] = [];
      for (const engine of ['onnx', 'tfjs'] as const) {
        const loaded = await load(encoder, { engine, target });
        expect(loaded.info.target.tensor).toBe(target);
        const spec = { loss: kl({ mode: 'paper', latent: 8, temperature: 1 }), gradient: { kind: 'factors' } } as const;
        const program = await loaded.program(spec, artefacts);
        const { factors } = await program.run(await loaded.encode(['items/0', 'items/1']), [[0], [1]]);
        found.push(factors.flatMap(({ delta }) => [...delta]));
      }
      expect(found[0]).not.toHaveLength(0);
      expect(relativeError(found[0]!, found[1]!)).toBeLessThan(1e-4);
    }
  });
});
