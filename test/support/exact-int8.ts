/** Whether uint8 × int8 products are exact on this machine: CPUs without VNNI add pairs of them in 16 bits, which overflow. */
import { GraphBuilder, MICROSOFT } from '../../src/onnx/builder.js';
import { Session } from '../../src/runtime/session.js';

const SIZE = 64;

export async function exactInt8(): Promise<boolean> {
  const g = new GraphBuilder('int8');
  const x = g.input('x', 'uint8', ['rows', SIZE]);
  const w = g.constant({ type: 'int8', data: new Int8Array(SIZE * SIZE).fill(127), shape: [SIZE, SIZE] });
  const inputs = [x, w, g.scalar(1), g.scalar(1), g.scalar(0, 'uint8'), g.scalar(0, 'int8')];
  g.output(g.op('MatMulIntegerToFloat', inputs, {}, { domain: MICROSOFT }), 'float32', ['rows', SIZE], 'y');
  const session = await Session.load(g.build(), 'int8');
  const largest = { type: 'uint8', data: new Uint8Array(SIZE).fill(255), shape: [1, SIZE] } as const;
  const { y } = await session.run({ x: largest }, ['y']);
  await session.release();
  return (y.data as Float32Array).every((sum) => sum === SIZE * 255 * 127);
}
