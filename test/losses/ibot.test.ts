import { describe, expect, it } from 'vitest';
import { ibot, IBOT_DEFAULTS, type IbotOptions } from '../../src/losses/ibot.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Artefacts, type Item } from './loss-graph.js';
import { gradient, identityHead, plainDino, type Head, type Matrix } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 5;
const SMALL = { globals: 2, locals: 1, patches: 2, latent: 6 };
const VIEWS = 2 + 1 + 2 + 2 * 2 * 2;

const headOf = (artefacts: Artefacts, name: string): Head => ({
  weight: rows(artefacts[`${name}.weight`]!),
  bias: [...artefacts[`${name}.bias`]!.data],
});

const split = (x: readonly number[]): Matrix =>
  Array.from({ length: x.length / D }, (_, v) => x.slice(v * D, (v + 1) * D));

/** By the plain DINO loss: over all pairs of class tokens, and over each patch by itself. @param taught what the teacher sees */
function plainIbot(views: Matrix, taught: Matrix, options: IbotOptions, artefacts: Artefacts): number {
  const all = { ...IBOT_DEFAULTS, ...options };
  const { globals, locals, patches, studentTemperature, teacherTemperature, normalise } = all;
  const student = all.head === 'none' ? identityHead(D) : headOf(artefacts, 'head');
  const teacher = all.head === 'none' || all.heads === 'shared' ? student : headOf(artefacts, 'teacher.head');
  const settings = { student, teacher, studentTemperature, teacherTemperature, normalise, sameView: true };
  const seen = globals + locals;
  const crops = plainDino(views.slice(0, seen), taught.slice(seen), { ...settings, globals });
  const first = seen + globals;
  const masked = globals * patches;
  let hidden = 0;
  for (let i = first; i < first + masked; i++)
    hidden += plainDino([views[i]!], [taught[i + masked]!], { ...settings, globals: 1 });
  return crops / (seen * globals) + hidden / masked;
}

const forms = (['linear', 'none'] as const).flatMap((head) =>
  [true, false].flatMap((normalise) =>
    (['independent', 'shared'] as const).map((heads) => ({ ...SMALL, head, heads, normalise })),
  ),
);

describe.each(forms)('ibot, head $head, $heads, normalise $normalise', (options) => {
  lossContract(ibot(options));

  it('is the plain loss, and its gradient that of the plain loss whose teacher stands still', async () => {
    const loss = ibot(options);
    const artefacts = drawArtefacts(loss, D);
    const runner = await lossRunner(loss, D, artefacts);
    for (const item of drawItems(2, VIEWS, D)) {
      const [exact, ran, tfjs] = [runner.interpret([item]), await runner.run([item]), await runner.tfjs([item])];
      const f = (x: readonly number[]): number => plainIbot(split(x), item, options, artefacts);
      expect(Math.abs(exact.loss[0]! / f(item.flat()) - 1)).toBeLessThan(EXACT);
      expect(relativeError(exact.gradient, gradient(f, item.flat(), 1e-4))).toBeLessThan(EXACT);
      expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
      expect(relativeError(tfjs.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    }
    await runner.close();
  });
});

describe('ibot', () => {
  it('has a derivative of zero at every token that the teacher sees, and none of zero at the student’s', async () => {
    const loss = ibot(SMALL);
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, VIEWS, D) as [Item];
    const found = split([...Array.from(runner.interpret([item]).gradient)]);
    const isTaught = (v: number): boolean => (v >= 3 && v < 5) || v >= 9;
    expect(found.map((row) => row.every((x) => x === 0))).toEqual(found.map((_, v) => isTaught(v)));
    await runner.close();
  });

  it('compares a patch with the same one, not with another', async () => {
    const loss = ibot(SMALL);
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, VIEWS, D) as [Item];
    const value = (order: readonly number[]): number => runner.interpret([order.map((v) => item[v]!)]).loss[0]!;
    const whole = value([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(value([0, 1, 2, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12])).toBeCloseTo(whole, 12);
    expect(Math.abs(value([0, 1, 2, 3, 4, 6, 5, 7, 8, 9, 10, 11, 12]) - whole)).toBeGreaterThan(1e-3);
    await runner.close();
  });

  it('has DINO’s crops, heads and temperatures by default, and three in ten of 196 patches', () => {
    expect(ibot()).toMatchObject({ name: 'ibot', needs: 'tokens', views: 12 + 2 + 2 * 2 * 59 });
    expect(Object.keys(ibot().artefacts(32))).toEqual([
      ...['head.weight', 'head.bias', 'teacher.head.weight', 'teacher.head.bias'],
    ]);
    expect(Object.keys(ibot({ heads: 'shared' }).artefacts(32))).toEqual(['head.weight', 'head.bias']);
  });
});
