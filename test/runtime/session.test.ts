/** Why a graph cannot be loaded decides what its owner can do: export again, fetch again, or make room. */
import { describe, expect, it, vi } from 'vitest';
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Session } from '../../src/runtime/session.js';

function graph(write: (g: GraphBuilder, x: string) => string, opset = 17): Uint8Array {
  const g = new GraphBuilder('graph', opset);
  g.untypedOutput(write(g, g.input('x', 'float32', ['n', 4])), 'y');
  return g.build();
}

const three = (g: GraphBuilder): string => g.constant({ type: 'float32', data: new Float32Array(6), shape: [3, 2] });
const GONE = { location: 'gone.bin', offset: 0, length: 16 };

describe('a graph that cannot be loaded', () => {
  it.each([
    ['an operator that is nowhere', graph((g, x) => g.op('Foo', [x]))],
    ['an operator of another vendor', graph((g, x) => g.op('Foo', [x], {}, { domain: 'com.vendor' }))],
    ['a type without a kernel', graph((g, x) => g.op('Erf', [g.op('Cast', [x], { to: 11 })]))],
    ['an operator set of the future', graph((g, x) => g.op('Neg', [x]), 99)],
  ])('for %s is unsupported', async (_, bytes) => {
    await expect(Session.load(bytes, 'model.onnx')).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('model.onnx') as string,
      hint: expect.stringContaining('Export') as string,
    });
  });

  it.each([
    ['bytes of another kind', new TextEncoder().encode('garbage, not a model')],
    ['a tensor that nothing makes', graph((g) => g.op('Neg', ['nowhere']))],
    ['shapes that do not fit', graph((g, x) => g.op('MatMul', [x, three(g)]))],
    ['weights that are not there', graph((g, x) => g.op('Add', [x, g.external('w', 'float32', [4], GONE)]))],
  ])('for %s is corrupt', async (_, bytes) => {
    await expect(Session.load(bytes, 'model.onnx')).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });

  it('for anything else is a failure of the runtime', async () => {
    const create = vi.spyOn(ort.InferenceSession, 'create').mockRejectedValueOnce(new Error('bad allocation'));
    await expect(
      Session.load(
        graph((g, x) => g.op('Neg', [x])),
        'model.onnx',
      ),
    ).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('bad allocation') as string,
    });
    create.mockRestore();
  });
});

describe('an output without a declared type', () => {
  it('has the one that it turns out to have', async () => {
    const session = await Session.load(
      graph((g, x) => g.op('Greater', [x, g.scalar(0)])),
      'model.onnx',
      { threads: 1 },
    );
    const { y } = await session.run({ x: { type: 'float32', data: Float32Array.of(1, -1, 0, 2), shape: [1, 4] } }, [
      'y',
    ]);
    expect(y).toMatchObject({ type: 'bool', shape: [1, 4] });
    expect([...y.data].map(Number)).toEqual([1, 0, 0, 1]);
    await session.release();
  });
});
