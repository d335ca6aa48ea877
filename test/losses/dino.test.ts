import { describe, expect, it } from 'vitest';
import { dino, DINO_DEFAULTS, type DinoOptions } from '../../src/losses/dino.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Artefacts, type Item } from './loss-graph.js';
import { gradient, identityHead, plainDino, type Head, type Matrix, type PlainDino } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 5;
const SMALL = { globals: 2, locals: 3, latent: 6 };

const headOf = (artefacts: Artefacts, name: string): Head => ({
  weight: rows(artefacts[`${name}.weight`]!),
  bias: [...artefacts[`${name}.bias`]!.data],
});

function plainOptions(options: DinoOptions, artefacts: Artefacts): PlainDino {
  const all = { ...DINO_DEFAULTS, ...options };
  if (all.head === 'none') return { ...all, student: identityHead(D), teacher: identityHead(D) };
  const student = headOf(artefacts, 'head');
  return { ...all, student, teacher: all.heads === 'shared' ? student : headOf(artefacts, 'teacher.head') };
}

const split = (x: readonly number[]): Matrix =>
  Array.from({ length: x.length / D }, (_, v) => x.slice(v * D, (v + 1) * D));

/** Value and gradient of `items` against the plain loss with a teacher that stands still, and both engines against that. */
async function check(options: DinoOptions, items: readonly Item[], step = 1e-4): Promise<void> {
  const loss = dino(options);
  const artefacts = drawArtefacts(loss, D);
  const runner = await lossRunner(loss, D, artefacts);
  const settings = plainOptions(options, artefacts);
  for (const item of items) {
    const [exact, ran, tfjs] = [runner.interpret([item]), await runner.run([item]), await runner.tfjs([item])];
    const f = (x: readonly number[]): number => plainDino(split(x), item, settings);
    expect(Math.abs(exact.loss[0]! / f(item.flat()) - 1)).toBeLessThan(EXACT);
    expect(relativeError(exact.gradient, gradient(f, item.flat(), step))).toBeLessThan(EXACT);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    expect(relativeError(tfjs.gradient, exact.gradient)).toBeLessThan(FLOAT32);
  }
  await runner.close();
}

const forms = (['linear', 'none'] as const).flatMap((head) =>
  [true, false].flatMap((normalise) =>
    (['independent', 'shared'] as const).map((heads) => ({ ...SMALL, head, heads, normalise })),
  ),
);

describe.each(forms)('dino, head $head, $heads, normalise $normalise', (options) => {
  lossContract(dino(options));

  it.each([1e-2, 1, 3])('is the plain loss, and its gradient that of the plain loss, at scale %d', (scale) =>
    check(options, drawItems(3, 5, D, 3, scale), 1e-4 * scale),
  );

  it('without pairs of a crop with itself', () => check({ ...options, sameView: false }, drawItems(3, 5, D)));

  it(`${options.normalise ? 'does not change' : 'changes'} with the length of the features`, async () => {
    const loss = dino(options);
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, 5, D) as [Item];
    const doubled = item.map((view) => view.map((x) => 2 * x));
    const [one, two] = [runner.interpret([item]).loss[0]!, runner.interpret([doubled]).loss[0]!];
    if (options.normalise) expect(two).toBeCloseTo(one, 12);
    else expect(Math.abs(two / one - 1)).toBeGreaterThan(0.01);
    await runner.close();
  });
});

describe('dino', () => {
  const fixed = { ...SMALL, teacherTemperature: 0.5, studentTemperature: 0.3 };

  it.each([
    { globals: 1, locals: 0 },
    { globals: 1, locals: 2 },
    { globals: 3, locals: 0 },
    { globals: 3, locals: 1 },
  ])('takes $globals global and $locals local crops', async (crops) => {
    const options = { ...fixed, ...crops };
    await check(options, drawItems(2, crops.globals + crops.locals, D));
    if (crops.globals + crops.locals > 1)
      await check({ ...options, sameView: false }, drawItems(2, crops.globals + crops.locals, D));
  });

  it('takes crops that are all the same', () => {
    const [[view]] = drawItems(1, 1, D) as [Item];
    return check(fixed, [Array.from({ length: 5 }, () => view!)]);
  });

  it('changes with the order of the locals in nothing, and with which crops are global', async () => {
    const loss = dino(fixed);
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const [item] = drawItems(1, 5, D) as [Item];
    const value = (order: readonly number[]): number => runner.interpret([order.map((v) => item[v]!)]).loss[0]!;
    expect(value([1, 0, 4, 2, 3])).toBeCloseTo(value([0, 1, 2, 3, 4]), 12);
    expect(Math.abs(value([4, 1, 2, 3, 0]) - value([0, 1, 2, 3, 4]))).toBeGreaterThan(1e-3);
    await runner.close();
  });

  it('has no derivative through the teacher: no node that depends on its head is among those of the derivative', () => {
    const loss = dino(fixed);
    const g = new GraphBuilder('dino');
    const features = g.input('features', 'float32', ['items', loss.views, D]);
    const artefacts = Object.fromEntries(
      Object.entries(loss.artefacts(D)).map(([name, shape]) => [name, g.input(name, 'float32', shape)]),
    );
    const value = loss.write(g, features, artefacts);
    const forward = g.nodes.length;
    differentiate(g, value, features);
    const backward = g.nodes.slice(forward).flatMap((node) => node.input);
    expect(backward).toContain('head.weight');
    expect(backward).not.toContain('teacher.head.weight');
    expect(backward).not.toContain('teacher.head.bias');
  });

  it('is not the loss whose teacher moves too', async () => {
    const loss = dino(fixed);
    const artefacts = drawArtefacts(loss, D);
    const runner = await lossRunner(loss, D, artefacts);
    const [item] = drawItems(1, 5, D) as [Item];
    const settings = plainOptions(fixed, artefacts);
    const moving = gradient((x) => plainDino(split(x), split(x), settings), item.flat(), 1e-4);
    const { gradient: found } = runner.interpret([item]);
    const globals = SMALL.globals * D;
    expect(relativeError(Array.from(found).slice(globals), moving.slice(globals))).toBeLessThan(EXACT);
    expect(relativeError(Array.from(found).slice(0, globals), moving.slice(0, globals))).toBeGreaterThan(0.1);
    await runner.close();
  });

  it('keeps its digits in float32 graphs at wide heads, and at the paper’s temperatures', async () => {
    const width = 192;
    const loss = dino({ latent: 384 });
    const runner = await lossRunner(loss, width, drawArtefacts(loss, width));
    const [item] = drawItems(1, loss.views, width, 5) as [Item];
    const [exact, ran, tfjs] = [runner.interpret([item]), await runner.run([item]), await runner.tfjs([item])];
    expect(relativeError(ran.loss, exact.loss)).toBeLessThan(1e-6);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(2e-6);
    expect(relativeError(tfjs.gradient, exact.gradient)).toBeLessThan(1e-5);
    await runner.close();
  });

  it('stays finite where the latents are large', async () => {
    const loss = dino({ ...fixed, normalise: false, studentTemperature: 0.005, teacherTemperature: 0.005 });
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const items = drawItems(2, 5, D, 2, 20);
    const exact = runner.interpret(items);
    for (const ran of [await runner.run(items), await runner.tfjs(items)]) {
      expect(relativeError(ran.loss, exact.loss)).toBeLessThan(FLOAT32);
      expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(1e-3);
    }
    await runner.close();
  });

  it('has the paper’s settings by default', () => {
    expect(DINO_DEFAULTS).toEqual({
      ...{ globals: 2, locals: 10, head: 'linear', heads: 'independent', normalise: true, latent: 2048 },
      ...{ teacherTemperature: 0.07, studentTemperature: 0.1, sameView: true },
    });
    expect(dino()).toMatchObject({ name: 'dino', views: 12 });
    const student = { 'head.weight': [32, 2048], 'head.bias': [2048] };
    expect(dino().artefacts(32)).toEqual({
      ...student,
      'teacher.head.weight': [32, 2048],
      'teacher.head.bias': [2048],
    });
    expect(dino({ heads: 'shared' }).artefacts(32)).toEqual(student);
    expect(dino({ head: 'none' }).artefacts(32)).toEqual({});
  });
});
