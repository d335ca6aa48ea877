/** Processors and memory within the limits of control groups, by the files of machines that are made up. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freeMemory } from '../../src/core/free-memory.js';
import { defaultThreads, processorCount } from '../../src/core/processors.js';

type Files = Readonly<Record<string, string>>;

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A machine's root with these files. */
function machine(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'fungi-machine-'));
  made.push(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

const own = (line: string): Files => ({ 'proc/self/cgroup': `7:devices:/docker/a\n${line}\n` });
const v2 = (group: string, max: string): Files => ({ [`sys/fs/cgroup${group}/cpu.max`]: `${max}\n` });
const v1 = (group: string, quota: string): Files => ({
  [`sys/fs/cgroup/cpu${group}/cpu.cfs_quota_us`]: `${quota}\n`,
  [`sys/fs/cgroup/cpu${group}/cpu.cfs_period_us`]: '100000\n',
});
/** Two processors a core. */
const fourCores: Files = Object.fromEntries(
  Array.from({ length: 8 }, (_, i) => [
    `sys/devices/system/cpu/cpu${i}/topology/thread_siblings_list`,
    `${i % 4},${(i % 4) + 4}\n`,
  ]),
);

describe('processors of 8', () => {
  it.each<[string, Files, number]>([
    ['no control groups', {}, 8],
    ['v2, a container', { ...own('0::/'), ...v2('', '200000 100000') }, 2],
    ['v2, no quota', { ...own('0::/'), ...v2('', 'max 100000') }, 8],
    ['v2, a part of one', { ...own('0::/'), ...v2('', '50000 100000') }, 1],
    ['v2, two and a half', { ...own('0::/'), ...v2('', '250000 100000') }, 2],
    ['v2, more than there are', { ...own('0::/'), ...v2('', '3200000 100000') }, 8],
    ['v2, the group around it has less', { ...own('0::/pod/app'), ...v2('/pod', '300000 100000'), ...v2('/pod/app', 'max 100000') }, 3], // prettier-ignore
    ['v2, a group outside of what is seen', { ...own('0::/../x'), ...v2('', '300000 100000') }, 3],
    ['v1, mounted with another', { ...own('3:cpuacct,cpu:/docker/a'), ...v1('', '400000') }, 4],
    ['v1, in a group', { ...own('3:cpu:/a/b'), ...v1('', '-1'), ...v1('/a/b', '500000') }, 5],
    ['v1, no quota', { ...own('3:cpu:/'), ...v1('', '-1') }, 8],
    ['files of something else', { 'proc/self/cgroup': 'x\n::\n0::/\n', ...v2('', 'a b c') }, 8],
  ])('%s', (_, files, expected) => {
    const root = machine(files);
    expect(processorCount({ usable: 8, root })).toBe(expected);
    expect(defaultThreads({ usable: 8, all: 8, root })).toBe(expected === 8 ? 0 : expected);
  });

  it('may be fewer than all: then the runtime is told how many', () => {
    expect(defaultThreads({ usable: 2, all: 8, root: machine({}) })).toBe(2);
  });

  it.each([
    ['700000', 4],
    ['300000', 3],
    ['max', 0],
  ])('on four cores, with a quota of %s, have %i threads', (quota, threads) => {
    const root = machine({ ...own('0::/'), ...v2('', `${quota} 100000`), ...fourCores });
    expect(defaultThreads({ usable: 8, all: 8, root })).toBe(threads);
  });
});

describe('free memory of 1,000', () => {
  const limits = (folder: string, [limit, usage]: [string, string], names: [string, string], stat: string): Files => ({
    [`sys/fs/cgroup${folder}/${names[0]}`]: `${limit}\n`,
    [`sys/fs/cgroup${folder}/${names[1]}`]: `${usage}\n`,
    [`sys/fs/cgroup${folder}/memory.stat`]: stat,
  });
  const two: [string, string] = ['memory.max', 'memory.current'];
  const one: [string, string] = ['memory.limit_in_bytes', 'memory.usage_in_bytes'];

  it.each<[string, Files, number]>([
    ['no control groups', {}, 1000],
    ['v2, no limit', { ...own('0::/'), ...limits('', ['max', '900'], two, '') }, 1000],
    ['v2, a limit', { ...own('0::/'), ...limits('', ['800', '500'], two, 'anon 100\n') }, 300],
    ['v2, most of it cached files', { ...own('0::/'), ...limits('', ['800', '790'], two, 'anon 100\ninactive_file 600\n') }, 610], // prettier-ignore
    ['v2, more than there is', { ...own('0::/'), ...limits('', ['9000', '500'], two, '') }, 1000],
    ['v2, over its limit', { ...own('0::/'), ...limits('', ['800', '900'], two, '') }, 0],
    ['v2, the group around it', { ...own('0::/a/b'), ...limits('/a', ['700', '600'], two, ''), ...limits('/a/b', ['max', '500'], two, '') }, 100], // prettier-ignore
    ['v1, a limit', { ...own('4:memory:/docker/a'), ...limits('/memory', ['800', '700'], one, 'inactive_file 1\ntotal_inactive_file 50\n') }, 150], // prettier-ignore
    ['v1, no limit', { ...own('4:memory:/'), ...limits('/memory', ['9223372036854771712', '700'], one, '') }, 1000],
  ])('%s', (_, files, expected) => {
    expect(freeMemory(1000, machine(files))).toBe(expected);
  });
});
