import { describe, expect, it } from 'vitest';
import { patchSimclr, PATCH_SIMCLR_DEFAULTS, type PatchSimClrOptions } from '../../src/losses/patch-simclr.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Artefacts, type Item } from './loss-graph.js';
import { gradient, identityHead, latents, plainSimclr, type Head, type Matrix } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 5;
const [T, N] = [4, 3];

type Settings = PatchSimClrOptions & { readonly temperature: number };

function plain(settings: Settings, artefacts: Artefacts, neighbours: Matrix): (x: readonly number[]) => number {
  const { head: form = 'linear', normalise = false, temperature, mode } = settings;
  const head: Head =
    form === 'none'
      ? identityHead(D)
      : { weight: rows(artefacts['head.weight']!), bias: [...artefacts['head.bias']!.data] };
  const units = latents(neighbours, head, normalise); // [N,L]
  const negatives = units[0]!.map((_, l) => units.map((row) => row[l]!));
  return (x) =>
    plainSimclr(
      Array.from({ length: T }, (_, t) => x.slice(t * D, (t + 1) * D)),
      head,
      negatives,
      temperature,
      mode,
      normalise,
    );
}

const cases = (['paper', 'reference'] as const).flatMap((mode) => [
  { mode, temperature: 0.07 },
  { mode, temperature: 1, normalise: true },
  { mode, temperature: 0.5, head: 'none' as const },
]);

describe.each(cases)('patch-simclr, %o', (form) => {
  const settings = { latent: 6, tokens: T, neighbours: N, ...form };
  const loss = patchSimclr(settings);
  lossContract(loss);

  it('is SimCLR’s loss between the tokens, against the neighbours, which are constants', async () => {
    const artefacts = drawArtefacts(loss, D);
    const runner = await lossRunner(loss, D, artefacts);
    const f = plain(settings, artefacts, rows(artefacts['neighbours']!));
    for (const item of drawItems(3, T, D, 3)) {
      const tokens = item.flat();
      const exact = runner.interpret([item]);
      expect(Math.abs(exact.loss[0]! / f(tokens) - 1)).toBeLessThan(EXACT);
      expect(relativeError(exact.gradient, gradient(f, tokens, 1e-4))).toBeLessThan(EXACT);
      for (const ran of [await runner.run([item]), await runner.tfjs([item])])
        expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    }
    await runner.close();
  });

  it('gives each token its own row, whatever the order of the tokens', async () => {
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, T, D, 4) as [Item];
    const order = [2, 0, 3, 1];
    const [one, turned] = [item, order.map((t) => item[t]!)].map((x) => runner.interpret([x]));
    const row = (values: ArrayLike<number>, t: number): number[] => Array.from(values).slice(t * D, (t + 1) * D);
    order.forEach((t, place) => {
      expect(relativeError(row(turned!.gradient, place), row(one!.gradient, t))).toBeLessThan(1e-12);
    });
    await runner.close();
  });
});

describe('patch-simclr', () => {
  it('has the paper’s settings by default', () => {
    expect(PATCH_SIMCLR_DEFAULTS).toEqual({
      ...{ tokens: 1025, neighbours: 1025, head: 'linear', normalise: false, latent: 96, temperature: 0.07 },
    });
    expect(patchSimclr({ mode: 'paper' })).toMatchObject({ name: 'patch-simclr', views: 1025 });
    expect(patchSimclr({ mode: 'paper' }).artefacts(32)).toEqual({
      ...{ 'head.weight': [32, 96], 'head.bias': [96], neighbours: [1025, 32] },
    });
  });
});
