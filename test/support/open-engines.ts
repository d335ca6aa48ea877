/** Engines that live as long as the test that loads them. */
import { afterEach } from 'vitest';
import type { Encoder, Prepared } from '../../src/encoders/encoder.js';
import { createEngine, type EngineOptions } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';

/** To be called once a file; what it returns loads an engine, which is closed after the test. */
export function openEngines(): <P extends Prepared>(
  encoder: Encoder<P>,
  options?: EngineOptions,
) => Promise<GradientEngine> {
  const open: GradientEngine[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((engine) => engine.close()));
  });
  return async (encoder, options = {}) => {
    const engine = await createEngine(encoder, options);
    open.push(engine);
    return engine;
  };
}
