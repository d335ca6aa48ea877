/** Whether this machine multiplies bytes exactly. */
import { GraphBuilder, MICROSOFT } from '../onnx/builder.js';
import { float32, Session } from './session.js';

/** Wide enough that every way to sum pairs and quadruples of products is taken. */
const WIDTH = 64;

let checked: Promise<boolean> | undefined;

/**
 * uint8 × int8 in the largest numbers there are. x86 without VNNI adds two products in 16 bits, which overflow: 2·255·127 is 64,770.
 * What is exact is the same on every machine.
 */
export function multipliesBytesExactly(): Promise<boolean> {
  return (checked ??= check());
}

async function check(): Promise<boolean> {
  const g = new GraphBuilder('bytes');
  const x = g.op('QuantizeLinear', [g.input('x', 'float32', [2, WIDTH]), g.scalar(1), g.scalar(0, 'uint8')]);
  const weight = g.constant({ type: 'int8', data: new Int8Array(WIDTH * WIDTH).fill(127), shape: [WIDTH, WIDTH] });
  const scales = g.constant({ type: 'float32', data: new Float32Array(WIDTH).fill(1), shape: [WIDTH] });
  const inputs = [x, weight, g.scalar(1), scales, g.scalar(0, 'uint8'), g.scalar(0, 'int8')];
  const product = g.op('MatMulIntegerToFloat', inputs, {}, { domain: MICROSOFT });
  g.output(product, 'float32', [2, WIDTH], 'y');
  const session = await Session.load(g.build(), 'byte products', { threads: 1 });
  try {
    const { y } = await session.run({ x: float32(new Float32Array(2 * WIDTH).fill(255), [2, WIDTH]) }, ['y']);
    return (y.data as Float32Array).every((value) => value === 255 * 127 * WIDTH);
  } finally {
    await session.release();
  }
}
