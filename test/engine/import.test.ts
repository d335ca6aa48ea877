/** What the engine takes for an encoder, and how it refuses what it cannot use. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import type { Pooling } from '../../src/encoders/encoder.js';
import { externalDataFiles } from '../../src/encoders/sources/external-data.js';
import type { ImportOptions } from '../../src/engine/import-options.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { featureSpec } from '../../src/features/spec.js';
import { kl } from '../../src/losses/kl.js';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
} from '../../src/onnx/proto/onnx_pb.js';
import { externalTensor, inlineTensor, tensorShape } from '../../src/onnx/tensor.js';
import { fixture, relativeError } from '../support/golden.js';
import { EditedModels, type Edit, HIDDEN, TINY_BERT, TINY_WIDTH } from '../support/edited-model.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { tinyBert, tinyBertArtefacts } from '../support/tiny-bert.js';
import { openEngines } from '../support/open-engines.js';

const VOCABULARY = 60;
const SHAPE = ['batch', 'tokens', TINY_WIDTH];
const int64Type = { type: { value: { case: 'tensorType', value: { elemType: 7 } } } } as const;

let models: EditedModels;
const engineOf = openEngines();
beforeAll(async () => (models = await EditedModels.create()));
afterAll(() => models.remove());
const load = (path: string, pooling: Pooling = 'first', options: ImportOptions = {}): Promise<GradientEngine> =>
  engineOf(idEncoder(path, pooling), options);

async function refusal(path: string, options: ImportOptions = {}, pooling: Pooling = 'first'): Promise<FungiError> {
  const outcome: unknown = await load(path, pooling, options).catch((error: unknown) => error);
  if (FungiError.is(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error(`${path} was taken`);
}

/** f(x) and the KL gradient of the fixture's texts. */
async function computed(engine: GradientEngine) {
  const program = await engine.program(
    { loss: kl({ mode: 'paper', latent: 24 }), gradient: { kind: 'factors' } },
    tinyBertArtefacts('kl'),
  );
  const states = await engine.encode(tinyBert.texts.map(asItem));
  const { pooled, factors } = await program.run(
    states,
    tinyBert.texts.map((_, i) => [i]),
  );
  return { pooled, deltas: factors.map(({ delta }) => [...delta]).flat() };
}

async function expectTheSame(path: string, pooling: Pooling): Promise<void> {
  const [changed, original] = [await load(path, pooling), await load(TINY_BERT, pooling)];
  expect(changed.info.sliced).toBe(pooling === 'first');
  const [found, golden] = [await computed(changed), await computed(original)];
  expect(relativeError(found.pooled, golden.pooled)).toBeLessThan(1e-6);
  expect(relativeError(found.deltas, golden.deltas)).toBeLessThan(1e-5);
}

/** A head over the token states, as for masked words. */
function head(edit: Edit, name: string, width: number): string {
  const weight = Float32Array.from({ length: TINY_WIDTH * width }, (_, i) => Math.sin(i));
  return edit.node('MatMul', [HIDDEN, edit.constant(`${name}.weight`, 'float32', weight, [TINY_WIDTH, width])], name);
}

describe('the token states', () => {
  it('are an output of any name, where it is the only one that can be it', async () => {
    const path = await models.write((edit) => {
      edit.node('Identity', [HIDDEN], 'features');
      edit.node('ReduceMean', ['features'], 'average', { axes: [1], keepdims: 0 });
      edit.outputs({ name: 'average', shape: ['batch', TINY_WIDTH] }, { name: 'features', shape: SHAPE });
    });
    expect((await load(path)).info).toMatchObject({ output: 'features', dims: TINY_WIDTH });
  });

  it.each([
    ['declared', { shape: ['batch', 'tokens', VOCABULARY] }],
    ['undeclared', {}],
  ])('are not the scores of a fill-mask head (%s)', async (_, declared) => {
    const path = await models.write((edit) => {
      head(edit, 'logits', VOCABULARY);
      edit.outputs({ name: 'logits', ...declared });
    });
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/^ids: .*"logits" \[2, 5, 60\].*as wide as the encoder \(32/);
    expect(error.hint).toContain('--task feature-extraction');
    expect(error.details).toEqual({ outputs: ['logits'] });
    // Named, the tensor inside will do.
    expect((await load(path, 'first', { output: HIDDEN })).info).toMatchObject({ output: HIDDEN, dims: TINY_WIDTH });
  });

  it('are none of several that could be it', async () => {
    const path = await models.write((edit) => {
      head(edit, 'starts', TINY_WIDTH);
      edit.node('Identity', [HIDDEN], 'features');
      edit.outputs({ name: 'starts', shape: SHAPE }, { name: 'features', shape: SHAPE });
    });
    const error = await refusal(path);
    expect(error.message).toMatch(/"starts" and "features" could both be it.*starts \[batch, tokens, 32\]/);
    expect((await load(path, 'first', { output: 'features' })).info.dims).toBe(TINY_WIDTH);
  });

  it('are not in a model that gives one vector an item', async () => {
    const path = await models.write((edit) => {
      edit.graph.output = edit.graph.output.filter(({ name }) => name === 'sentence_embedding');
    }, fixture('fungi/tiny-bert/pooled.onnx'));
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/none of its outputs has three; the outputs are sentence_embedding \[batch, /);
    expect(error.hint).toContain('feature-extraction');
  });

  it('have three axes, or two where they are named as one vector an item', async () => {
    const path = fixture('fungi/tiny-bert/pooled.onnx');
    const scalars = await models.write((edit) => {
      edit.node('ReduceMean', [HIDDEN], 'average', { axes: [1, 2], keepdims: 0 });
      edit.outputs({ name: 'average', shape: ['batch'] });
    });
    expect((await refusal(scalars, { output: 'average' })).message).toContain('"average" has 1 axes');
    const rows = await models.write((edit) => {
      edit.node('Reshape', [HIDDEN, edit.constant('flat', 'int64', BigInt64Array.of(-1n, 32n), [2])], 'rows');
      edit.outputs({ name: 'rows' });
    });
    expect((await refusal(rows, { output: 'rows' })).message).toContain('"rows" has the shape [10, 32] for 2 items');
    const undeclared = await models.write((edit) => {
      edit.node('ReduceMean', [HIDDEN], 'average', { axes: [1], keepdims: 0 });
      edit.outputs({ name: 'average' });
    });
    expect((await refusal(undeclared)).message).toContain('"average" has the shape [2, 32]');
    expect((await refusal(path, { output: 'nowhere' })).code).toBe('INVALID_ARGUMENT');
  });
});

describe('a model that does not mask padding', () => {
  const withoutMask = (): Promise<string> =>
    models.write((edit) => {
      const nodes = edit.graph.node.splice(0);
      edit.node('Shape', ['input_ids'], 'ids/shape');
      edit.node('ConstantOfShape', ['ids/shape'], 'attention_mask', {
        value: { tensor: inlineTensor('', 'int64', BigInt64Array.of(1n), [1]) },
      });
      edit.graph.node.push(...nodes);
      edit.graph.input = edit.graph.input.filter(({ name }) => name !== 'attention_mask');
    });

  it.each<Pooling>(['first', 'mean'])('is refused: its features would depend on the batch (%s)', async (pooling) => {
    const error = await refusal(await withoutMask(), {}, pooling);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/^ids: .*longer one is in its batch.*does not mask padding/);
    expect(error.hint).toMatch(/attention_mask as an input; its inputs are input_ids, token_type_ids/);
    expect(error.details['error']).toBeGreaterThan(1e-3);
  });
});

describe('an operator without a derivative rule behind the target', () => {
  const withNode = (opType: string): Promise<string> =>
    models.write((edit) => edit.node(opType, [edit.renamed(HIDDEN)], HIDDEN));

  it('is named, with its node and the model, before anything is encoded', async () => {
    const engine = await load(await withNode('Atan'));
    const named = expect.objectContaining({
      code: 'OP_UNSUPPORTED',
      message: expect.stringMatching(/^ids: operator Atan \(node "edited\/last_hidden_state"\)/) as string,
      details: { op: 'Atan', node: `edited/${HIDDEN}`, graph: 'ids' },
    }) as Error;
    expect(() => {
      engine.assertDifferentiable();
    }).toThrow(named);
    const spec = { loss: kl({ mode: 'paper', latent: 24 }), gradient: { kind: 'factors' } } as const;
    await expect(engine.program(spec, tinyBertArtefacts('kl'))).rejects.toThrow(named);

    const encode = vi.spyOn(engine, 'encode');
    for (const name of ['kl', 'simclr'] as const) {
      const features = featureSpec({ losses: [{ name }] });
      await expect(buildArtefacts(engine, features, tinyBert.texts.map(asItem))).rejects.toThrow(named);
    }
    expect(encode).not.toHaveBeenCalled();
  });

  it('does not keep embeddings from being computed', async () => {
    const engine = await load(await withNode('Atan'));
    const program = await engine.program({});
    const { pooled } = await program.run(await engine.encode(['2 5 3']), [[0]]);
    const original = await load(TINY_BERT);
    const { pooled: plain } = await (await original.program({})).run(await original.encode(['2 5 3']), [[0]]);
    expect(relativeError(pooled, plain.map(Math.atan))).toBeLessThan(1e-5);
    expect((await buildArtefacts(engine, featureSpec({ losses: [] }), ['2 5 3'])).tensors).toEqual({});
  });

  it('is not what dropout is', async () => {
    await expectTheSame(await withNode('Dropout'), 'first');
  });
});

describe('odd exports', () => {
  it.each<[string, Parameters<Edit['input']>[1], RegExp, RegExp]>([
    ['token ids in 32 bits', { type: 'int32' }, /is int32; it would get int64/, /int64/],
    ['two items a batch, as the probe has', { shape: [2, 'tokens'] }, /of the fixed shape \[2, tokens\]/, /dynamic/],
    ['one length', { shape: ['batch', 128] }, /of the fixed shape \[batch, 128\]/, /dynamic/],
    ['the length of the probe', { shape: ['batch', 5] }, /of the fixed shape \[batch, 5\].* \[1, 3\]/, /dynamic/],
    ['no batch', { shape: ['tokens'] }, /of the fixed shape \[tokens\]/, /dynamic/],
  ])('with %s are refused, naming input, declaration and way out', async (_, change, message, hint) => {
    const path = await models.write((edit) => {
      edit.input('input_ids', change);
    });
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/^ids: input "input_ids" is /);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.details['input']).toBe('input_ids');
  });

  it('that write −1 for a free size are taken', async () => {
    const path = await models.write((edit) => {
      edit.input('input_ids', { shape: [-1, -1] });
    });
    await expect(load(path)).resolves.toBeDefined();
  });

  it('with a size fixed inside fail on the probe, which the error says', async () => {
    const path = await models.write((edit) => {
      const shape = edit.constant('fixed', 'int64', BigInt64Array.of(1n, 8n, BigInt(TINY_WIDTH)), [3]);
      edit.node('Reshape', [edit.renamed(HIDDEN), shape], HIDDEN);
    });
    const error = await refusal(path);
    expect(error.code).toBe('RUNTIME_FAILED');
    expect(error.message).toMatch(/Reshape.*probe of 2 items of up to 5 tokens/s);
    expect(error.hint).toContain('dynamic axes');
  });

  it('in 16 bits are taken, and come out in float32', async () => {
    const path = await models.write((edit) => {
      edit.node('Cast', [edit.renamed(HIDDEN)], HIDDEN, { to: 10 });
      edit.outputs({ name: HIDDEN, type: 'float16', shape: SHAPE });
    });
    const [half, whole] = [await computed(await load(path)), await computed(await load(TINY_BERT))];
    // The tail holds the cast, which is lifted: nothing is lost.
    expect(relativeError(half.pooled, whole.pooled)).toBeLessThan(1e-6);
    expect(relativeError(half.deltas, whole.deltas)).toBeLessThan(1e-5);
  });

  it('in integers are refused, naming the tensor and its type', async () => {
    const path = await models.write((edit) => {
      edit.node('Cast', [edit.renamed(HIDDEN)], HIDDEN, { to: 6 });
      edit.outputs({ name: HIDDEN, type: 'int32', shape: SHAPE });
    });
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain(`"${HIDDEN}" is int32`);
    expect(error.hint).toContain('float32');
  });

  it.each<Pooling>(['first', 'mean'])('whose tail masks its output are taken (%s)', async (pooling) => {
    const path = await models.write((edit) => {
      const visible = edit.node('Cast', ['attention_mask'], 'visible', { to: 9 });
      const rows = edit.node('Unsqueeze', [visible, edit.constant('last', 'int64', BigInt64Array.of(2n), [1])], 'rows');
      const zero = edit.constant('zero', 'float32', Float32Array.of(0), []);
      edit.node('Where', [rows, edit.renamed(HIDDEN), zero], HIDDEN);
    });
    await expectTheSame(path, pooling);
  });

  it('whose tail reads something of another type than states are refused, naming the tensor and its type', async () => {
    const path = await models.write((edit) => {
      const visible = edit.node('Cast', ['input_ids'], 'visible', { to: 9 });
      const rows = edit.node('Unsqueeze', [visible, edit.constant('last', 'int64', BigInt64Array.of(2n), [1])], 'rows');
      const zero = edit.constant('zero', 'float32', Float32Array.of(0), []);
      edit.node('Where', [rows, edit.renamed(HIDDEN), zero], HIDDEN);
    });
    const error = await refusal(path);
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain('"rows" is bool');
  });

  it.each<Pooling>(['first', 'mean'])(
    'that read batch and tokens off the token ids behind the target are taken (%s)',
    async (pooling) => {
      const path = await models.write((edit) => {
        const sizes = edit.node('Shape', ['input_ids'], 'ids/shape');
        const width = edit.constant('width', 'int64', BigInt64Array.of(BigInt(TINY_WIDTH)), [1]);
        const flat = edit.constant('flat', 'int64', BigInt64Array.of(-1n, BigInt(TINY_WIDTH)), [2]);
        const rows = edit.node('Reshape', [edit.renamed(HIDDEN), flat], 'rows');
        edit.node('Reshape', [rows, edit.node('Concat', [sizes, width], 'whole', { axis: 0 })], HIDDEN);
      });
      await expectTheSame(path, pooling);
    },
  );

  it('with an input that only a branch of a condition reads are taken', async () => {
    const path = await models.write((edit) => {
      const nodes = edit.graph.node.splice(0);
      const branch = (name: string): GraphProto =>
        create(GraphProtoSchema, {
          name,
          node: [create(NodeProtoSchema, { opType: 'Identity', input: ['token_type_ids'], output: [name] })],
          output: [create(ValueInfoProtoSchema, { name, ...int64Type })],
        });
      const flag = edit.constant('flag', 'bool', Uint8Array.of(1), []);
      edit.node('If', [flag], 'types');
      edit.graph.node[0]!.attribute = ['then_branch', 'else_branch'].map((name) =>
        create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: branch(name) }),
      );
      for (const node of nodes) node.input = node.input.map((name) => (name === 'token_type_ids' ? 'types' : name));
      edit.graph.node.push(...nodes);
    });
    await expectTheSame(path, 'first');
  });

  it.each(['./w.bin', ...(process.platform === 'win32' ? [] : ['w:0.bin'])])(
    'with their weights beside the graph, named %j, are taken',
    async (location) => {
      const parts: Uint8Array[] = [];
      const path = await models.write(({ graph }) => {
        graph.initializer = graph.initializer.map((tensor) => {
          const { name, dataType, rawData } = tensor;
          if (rawData.length < 2000) return tensor;
          const offset = parts.reduce((sum, part) => sum + part.length, 0);
          parts.push(rawData);
          const place = { location, offset, length: rawData.length };
          return externalTensor(name, dataType, tensorShape(tensor), place);
        });
      });
      await writeFile(join(dirname(path), location), Buffer.concat(parts));
      expect(externalDataFiles(path)).toEqual([location.replace('./', '')]);
      await expectTheSame(path, 'first');
    },
  );

  it('without names of nodes keep their target, by its output', async () => {
    const path = await models.write((edit) => {
      for (const node of edit.graph.node) node.name = '';
    });
    const { target } = (await load(path)).info;
    expect(target.tensor).toBe((await load(TINY_BERT)).info.target.tensor);
    expect((await load(path, 'first', { target: target.tensor })).info.target).toEqual(target);
    expect((await refusal(path, { target: '' })).code).toBe('TARGET_NOT_FOUND');
  });
});
