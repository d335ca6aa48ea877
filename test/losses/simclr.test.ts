import { describe, expect, it } from 'vitest';
import { simclr, SIMCLR_DEFAULTS, type SimClrOptions } from '../../src/losses/simclr.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Artefacts, type Item } from './loss-graph.js';
import { gradient, identityHead, plainSimclr } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 5;
const SMALL = { views: 4, latent: 6, negatives: 7 };

type Settings = Required<Omit<SimClrOptions, 'head' | 'normalise'>> & Pick<SimClrOptions, 'head' | 'normalise'>;

const plain =
  (settings: Settings, artefacts: Artefacts) =>
  (x: readonly number[]): number => {
    const views = Array.from({ length: settings.views }, (_, v) => x.slice(v * D, (v + 1) * D));
    const { temperature, mode, normalise, head: form } = settings;
    const head =
      form === 'none'
        ? identityHead(D)
        : { weight: rows(artefacts['head.weight']!), bias: [...artefacts['head.bias']!.data] };
    return plainSimclr(views, head, rows(artefacts['negatives']!), temperature, mode, normalise);
  };

/** Value and gradient of `items` against the plain loss, and onnxruntime against that. */
async function check(settings: Settings, items: readonly Item[], step = 1e-4): Promise<void> {
  const loss = simclr(settings);
  const artefacts = drawArtefacts(loss, D);
  const runner = await lossRunner(loss, D, artefacts);
  const f = plain(settings, artefacts);
  for (const item of items) {
    const [exact, ran] = [runner.interpret([item]), await runner.run([item])];
    const x = item.flat();
    expect(Math.abs(exact.loss[0]! - f(x))).toBeLessThan(EXACT * Math.max(1, Math.abs(f(x))));
    expect(relativeError(exact.gradient, gradient(f, x, step))).toBeLessThan(EXACT);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
  }
  await runner.close();
}

const modes = ['paper', 'reference'] as const;
const cases = modes.flatMap((mode) => [0.07, 1, 15].map((temperature) => ({ mode, temperature, ...SMALL })));

describe.each(cases)('simclr, $mode mode, τ = $temperature', (settings) => {
  lossContract(simclr(settings));

  it.each([1e-2, 1, 1e2])('is the plain loss, and its gradient that of the plain loss, at scale %d', (scale) =>
    check(settings, drawItems(3, settings.views, D, 3, scale), 1e-4 * Math.max(scale, 1)),
  );

  it('takes two views and one negative', () => check({ ...settings, views: 2, negatives: 1 }, drawItems(3, 2, D)));

  it('takes views that are all the same', () => {
    const [[view]] = drawItems(1, 1, D) as [Item];
    return check(settings, [Array.from({ length: settings.views }, () => view!)]);
  });

  it('keeps its digits where views hardly differ', () => {
    const [[view]] = drawItems(1, 1, D) as [Item];
    const [noise] = drawItems(1, settings.views, D, 4, 1e-2) as [Item];
    return check(settings, [noise.map((row) => row.map((x, d) => Math.fround(x + view![d]!)))]);
  });

  it('takes features that are all equal', () =>
    check(settings, [Array.from({ length: settings.views }, () => Array.from({ length: D }, () => 0.25))]));

  it('does not change with the order of the views', async () => {
    const loss = simclr(settings);
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, settings.views, D) as [Item];
    const [one, turned] = [runner.interpret([item]), runner.interpret([item.toReversed()])];
    expect(turned.loss[0]).toBeCloseTo(one.loss[0]!, 12);
    await runner.close();
  });
});

describe.each([
  { head: 'linear', normalise: true },
  { head: 'none', normalise: false },
  { head: 'none', normalise: true },
] as const)('simclr, head $head, normalise $normalise', (form) => {
  const settings = { mode: 'paper', temperature: 0.5, ...SMALL, ...form } as const;
  lossContract(simclr(settings));

  it('is the plain loss, and its gradient that of the plain loss', () => check(settings, drawItems(3, SMALL.views, D)));

  it('freezes negatives as wide as its latents', () => {
    const { negatives, ...head } = simclr(settings).artefacts(D);
    expect(negatives).toEqual([form.head === 'none' ? D : SMALL.latent, SMALL.negatives]);
    expect(Object.keys(head)).toEqual(form.head === 'none' ? [] : ['head.weight', 'head.bias']);
  });
});

describe('simclr', () => {
  it.each(modes)('stays finite at the smallest temperatures, %s mode', async (mode) => {
    const loss = simclr({ mode, temperature: 0.005, ...SMALL });
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const items = drawItems(2, SMALL.views, D);
    const [exact, ran] = [runner.interpret(items), await runner.run(items)];
    expect(relativeError(ran.loss, exact.loss)).toBeLessThan(FLOAT32);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(1e-3);
    await runner.close();
  });

  it('has the paper’s settings for text by default', () => {
    const head = { head: 'linear', normalise: false, latent: 256 };
    expect(SIMCLR_DEFAULTS).toEqual({ views: 12, ...head, negatives: 512, temperature: 0.07 });
    const loss = simclr({ mode: 'paper' });
    expect(loss).toMatchObject({ name: 'simclr', views: 12 });
    expect(loss.artefacts(32)).toEqual({ 'head.weight': [32, 256], 'head.bias': [256], negatives: [256, 512] });
  });
});
