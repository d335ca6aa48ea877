import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultThreads, processorCount } from '../../src/core/processors.js';

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A machine's root with these files. */
function machine(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'fungi-processors-'));
  made.push(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

describe('processors of 8', () => {
  it.each<[string, Record<string, string>, number]>([
    ['no control groups', {}, 8],
    ['v2, a container of its own', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
    ['v2, no quota', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, 8],
    ['v2, a part of one', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' }, 1],
    ['v2, two and a half', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '250000 100000\n' }, 2],
    ['v2, more than there are', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '3200000 100000\n' }, 8],
    [
      'v2, the group around it has less',
      {
        'proc/self/cgroup': '0::/pod/app\n',
        'sys/fs/cgroup/pod/cpu.max': '300000 100000\n',
        'sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n',
      },
      3,
    ],
    [
      'v1, under both names',
      {
        'proc/self/cgroup': '4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '400000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      4,
    ],
    [
      'v1, no quota',
      {
        'proc/self/cgroup': '3:cpu:/\n',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      8,
    ],
    ['files of something else', { 'proc/self/cgroup': 'x\n::\n0::/\n', 'sys/fs/cgroup/cpu.max': 'a b c\n' }, 8],
  ])('%s', (_, files, expected) => {
    const root = machine(files);
    expect(processorCount(8, root)).toBe(expected);
    expect(defaultThreads(8, root), 'left to the runtime without a quota').toBe(expected === 8 ? 0 : expected);
  });

  it('are between one and all on this machine', () => {
    expect(processorCount()).toBeGreaterThanOrEqual(1);
    expect(processorCount()).toBeLessThanOrEqual(availableParallelism());
  });
});
