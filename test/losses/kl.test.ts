import { describe, expect, it } from 'vitest';
import { kl, KL_DEFAULTS } from '../../src/losses/kl.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Artefacts, type Item } from './loss-graph.js';
import { gradient, identityHead, plainKl, type Head } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 6;

const head = (artefacts: Artefacts): Head => ({
  weight: rows(artefacts['head.weight']!),
  bias: [...artefacts['head.bias']!.data],
});

const cases = (['paper', 'reference'] as const).flatMap((mode) =>
  [1, 15].map((temperature) => ({ mode, temperature, latent: 5 })),
);

describe.each(cases)('kl, $mode mode, T = $temperature', (options) => {
  const loss = kl(options);
  const artefacts = drawArtefacts(loss, D);
  const plain = (x: readonly number[], h = head(artefacts)): number => plainKl(x, h, options.temperature, options.mode);

  lossContract(loss);

  it.each([1e-3, 1, 1e3])('is the plain loss, and its gradient that of the plain loss, at scale %d', async (scale) => {
    const runner = await lossRunner(loss, D, artefacts);
    for (const item of drawItems(5, 1, D, 3, scale)) {
      const found = runner.interpret([item]);
      expect(Math.abs(found.loss[0]! / plain(item[0]!) - 1)).toBeLessThan(EXACT);
      expect(relativeError(found.gradient, gradient(plain, item[0]!, 1e-3 * scale))).toBeLessThan(EXACT);
    }
    await runner.close();
  });

  it('does not change with the length of the features: the gradient stands at a right angle to them', async () => {
    const runner = await lossRunner(loss, D, artefacts);
    const [item] = drawItems(1, 1, D, 4) as [Item];
    const doubled = item.map((view) => view.map((x) => 2 * x));
    const [one, two] = [runner.interpret([item]), runner.interpret([doubled])];
    expect(two.loss[0]).toBeCloseTo(one.loss[0]!, 14);
    const along = item[0]!.reduce((sum, x, d) => sum + x * one.gradient[d]!, 0);
    expect(Math.abs(along)).toBeLessThan(1e-14);
    await runner.close();
  });

  it('takes features that are all equal', async () => {
    const runner = await lossRunner(loss, D, artefacts);
    const flat: Item = [Array.from({ length: D }, () => 0.25)];
    const [exact, ran] = [runner.interpret([flat]), await runner.run([flat])];
    expect(relativeError(exact.gradient, gradient(plain, flat[0]!, 1e-4))).toBeLessThan(EXACT);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    await runner.close();
  });

  it('is 0 with gradient 0 where the head gives every class the same logit', async () => {
    const level = Object.fromEntries(
      Object.entries(artefacts).map(([name, value]) => [name, { ...value, data: value.data.map(() => 0.5) }] as const),
    );
    const runner = await lossRunner(loss, D, level);
    const { loss: value, gradient: slope } = await runner.run(drawItems(2, 1, D));
    expect(Math.max(...Array.from(value).map(Math.abs))).toBeLessThan(1e-7);
    expect(Math.max(...Array.from(slope).map(Math.abs))).toBeLessThan(1e-7);
    await runner.close();
  });

  it('keeps its digits in float32 graphs at widths where the loss is tiny', async () => {
    const width = 192;
    const wide = kl({ ...options, latent: width });
    const drawn = drawArtefacts(wide, width);
    const runner = await lossRunner(wide, width, drawn);
    const [item] = drawItems(1, 1, width, 5) as [Item];
    const [exact, ran] = [runner.interpret([item]), await runner.run([item])];
    expect(Math.abs(exact.loss[0]! / plain(item[0]!, head(drawn)) - 1)).toBeLessThan(EXACT);
    expect(Math.abs(ran.loss[0]! / exact.loss[0]! - 1)).toBeLessThan(FLOAT32);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    await runner.close();
  });
});

describe.each(
  (['linear', 'none'] as const).flatMap((form) => [true, false].map((normalise) => ({ head: form, normalise }))),
)('kl, head $head, normalise $normalise', ({ head: form, normalise }) => {
  const loss = kl({ mode: 'paper', temperature: 1, latent: 5, head: form, normalise });
  const artefacts = drawArtefacts(loss, D);
  const plain = (x: readonly number[]): number =>
    plainKl(x, form === 'linear' ? head(artefacts) : identityHead(D), 1, 'paper', normalise);

  lossContract(loss);

  it('is the plain loss, and its gradient that of the plain loss', async () => {
    expect(Object.keys(artefacts)).toEqual(form === 'linear' ? ['head.weight', 'head.bias'] : []);
    const runner = await lossRunner(loss, D, artefacts);
    for (const item of drawItems(5, 1, D, 3)) {
      const [exact, ran] = [runner.interpret([item]), await runner.run([item])];
      expect(Math.abs(exact.loss[0]! / plain(item[0]!) - 1)).toBeLessThan(EXACT);
      expect(relativeError(exact.gradient, gradient(plain, item[0]!, 1e-3))).toBeLessThan(EXACT);
      expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    }
    await runner.close();
  });

  it(`${normalise ? 'does not change' : 'changes'} with the length of the features`, async () => {
    const runner = await lossRunner(loss, D, artefacts);
    const [item] = drawItems(1, 1, D, 4) as [Item];
    const doubled = item.map((view) => view.map((x) => 2 * x));
    const [one, two] = [runner.interpret([item]).loss[0]!, runner.interpret([doubled]).loss[0]!];
    if (normalise) expect(two).toBeCloseTo(one, 14);
    else expect(Math.abs(two / one - 1)).toBeGreaterThan(0.01);
    await runner.close();
  });
});

describe('kl', () => {
  it('has the two directions, which agree at T = 15 and not at T = 1', async () => {
    const slope = async (mode: 'paper' | 'reference', temperature: number): Promise<number[]> => {
      const loss = kl({ mode, temperature, latent: 5 });
      const artefacts = drawArtefacts(loss, D);
      const runner = await lossRunner(loss, D, artefacts);
      const found = Array.from(runner.interpret(drawItems(1, 1, D)).gradient);
      await runner.close();
      return found;
    };
    const apart = async (temperature: number): Promise<number> => {
      const [a, b] = [await slope('paper', temperature), await slope('reference', temperature)];
      const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
      return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    expect(await apart(15)).toBeLessThan(1e-4);
    expect(await apart(1)).toBeGreaterThan(1e-3);
  });

  it('has the paper’s settings by default', () => {
    expect(KL_DEFAULTS).toEqual({ temperature: 15, head: 'linear', normalise: true, latent: 768 });
    expect(kl({ mode: 'paper' })).toMatchObject({ name: 'kl', views: 1 });
    expect(kl({ mode: 'paper' }).artefacts(32)).toEqual({ 'head.weight': [32, 768], 'head.bias': [768] });
  });
});
