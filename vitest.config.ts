import { defineConfig } from 'vitest/config';

const report = process.env['TEST_REPORT'];
const guard = new URL('test/network/guard.mjs', import.meta.url).href;
const options = process.env['NODE_OPTIONS'] ?? '';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Nothing is reached beyond this machine, by tests or by processes that they start.
    setupFiles: ['test/network/setup.ts'],
    env: { NODE_OPTIONS: `${options} --import ${guard}`.trim() },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Native runtimes (onnxruntime, LanceDB) live best one test file a process; two cores are what the smallest machine has.
    pool: 'forks',
    maxWorkers: 2,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
