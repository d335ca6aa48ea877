import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { asPhase, phaseListener, withPhases, type Phase } from '../../src/core/phases.js';

it('tells whoever asked for the work, behind awaits too, and nobody else', async () => {
  const heard: Record<'a' | 'b', Phase[]> = { a: [], b: [] };
  const work = async (k: number): Promise<number> => {
    await turn();
    return asPhase('search', { k }, async () => {
      await turn();
      return k;
    });
  };
  const asked = (['a', 'b'] as const).map((who, i) =>
    withPhases(
      (phase) => heard[who].push(phase),
      () => work(i),
    ),
  );
  expect(phaseListener()).toBeUndefined();
  expect(await Promise.all(asked)).toEqual([0, 1]);
  for (const [i, phases] of Object.values(heard).entries()) {
    expect(phases).toMatchObject([{ name: 'search', sizes: { k: i } }]);
    expect(phases[0]!.end).toBeGreaterThanOrEqual(phases[0]!.start);
  }
});

it('is the work itself where nobody listens, and tells nothing of work that fails', async () => {
  expect(await asPhase('search', {}, () => Promise.resolve('it'))).toBe('it');
  const heard: Phase[] = [];
  const failing = withPhases(
    (phase) => heard.push(phase),
    () => asPhase('search', {}, () => Promise.reject(new Error('no'))),
  );
  await expect(failing).rejects.toThrow('no');
  expect(heard).toEqual([]);
});
