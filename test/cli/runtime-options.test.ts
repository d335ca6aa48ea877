import { expect, it } from 'vitest';
import { runtimeOptions } from '../../src/cli/options.js';

it.each([
  [{}, 1, 0],
  [{}, 2, 2],
  [{}, 16, 4],
  [{ threads: 0 }, 2, 2],
  [{ threads: 1 }, 16, 0],
  [{ threads: 1, processes: 3 }, 16, 3],
  [{ processes: 0 }, 16, 0],
  [{ provider: 'cuda' as const }, 16, 0],
  [{ provider: 'cpu' as const }, 3, 3],
])('%o on %i processors takes %i processes', (flags, processors, processes) => {
  expect(runtimeOptions(flags, processors)).toEqual({ ...flags, processes });
});
