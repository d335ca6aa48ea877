/** What every loss owes its callers, whichever it is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Loss } from '../../src/losses/loss.js';
import { relativeError } from '../support/golden.js';
import { drawArtefacts, drawItems, lossRunner, type LossRunner, type LossValues } from './loss-graph.js';

/** Same item, other batch: in float32 another shape may sum in another order. */
const BATCH_TOLERANCE = 1e-6;
const FLOAT32 = 1e-4;
/** TensorFlow.js has no float64 behind the head: of a loss near 0 it keeps fewer digits. */
const TFJS = 1e-3;

export function lossContract(loss: Loss): void {
  const dims = 6;
  const items = drawItems(4, loss.views, dims);
  const width = loss.views * dims;
  let runner: LossRunner;
  beforeAll(async () => {
    runner = await lossRunner(loss, dims, drawArtefacts(loss, dims));
  });
  afterAll(() => runner.close());

  const only = ({ loss, gradient }: LossValues, i: number): { loss: number; gradient: number[] } => ({
    loss: loss[i]!,
    gradient: Array.from(gradient).slice(i * width, (i + 1) * width),
  });

  it('gives an item the same loss and gradient alone, in a batch and in another order, to the bit', () => {
    const batch = runner.interpret(items);
    const reversed = runner.interpret(items.toReversed());
    items.forEach((item, i) => {
      expect(only(runner.interpret([item]), 0)).toEqual(only(batch, i));
      expect(only(reversed, items.length - 1 - i)).toEqual(only(batch, i));
    });
  });

  it('gives it nearly so in onnxruntime', async () => {
    const batch = await runner.run(items);
    const strangers = [items[0]!, ...drawItems(5, loss.views, dims, 9, 50)];
    for (const [i, item] of items.entries()) {
      const mixed = await runner.run(strangers.with(0, item));
      for (const other of [await runner.run([item]), mixed]) {
        expect(Math.abs(other.loss[0]! / batch.loss[i]! - 1)).toBeLessThan(BATCH_TOLERANCE);
        expect(relativeError(only(other, 0).gradient, only(batch, i).gradient)).toBeLessThan(BATCH_TOLERANCE);
      }
    }
  });

  it.each([11, 13, 17, 18, 20])('is in onnxruntime what it is in float64, operator set %d', async (opset) => {
    const other = await lossRunner(loss, dims, drawArtefacts(loss, dims), opset);
    const [exact, ran] = [other.interpret(items), await other.run(items)];
    expect(relativeError(ran.loss, exact.loss)).toBeLessThan(FLOAT32);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    await other.close();
  });

  it('is in TensorFlow.js, differentiated there, what it is in float64', async () => {
    const [exact, ran] = [runner.interpret(items), await runner.tfjs(items)];
    expect(relativeError(ran.loss, exact.loss)).toBeLessThan(TFJS);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
  });
}
