/** How many processors there are for this process: onnxruntime and Node 20 count the machine's, whatever quota the container has. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * Those that this process may run on, or as many as the CPU quota of its control groups (v1 or v2) pays for, whole ones, at least one. More threads
 * than that use the quota up before its period ends, and then all of them stand still.
 * @param root where the machine's files are
 */
export function processorCount(machine = availableParallelism(), root = '/'): number {
  return Math.max(1, Math.min(machine, Math.floor(quotaOf(root))));
}

/**
 * Threads for a runtime that would count by itself.
 * @returns 0, its own count, where there is no quota: it knows which processors share a core
 */
export function defaultThreads(machine = availableParallelism(), root = '/'): number {
  const count = processorCount(machine, root);
  return count < machine ? count : 0;
}

/** The least quota of a process's group and those around it, in processors. */
function quotaOf(root: string): number {
  const text = (file: string): string => {
    try {
      return readFileSync(join(root, file), 'utf8').trim();
    } catch {
      return ''; // not Linux, or no such controller
    }
  };
  const quotas = text('proc/self/cgroup')
    .split('\n')
    .flatMap((line) => {
      const [id, controllers = '', ...path] = line.split(':');
      const groups = withAncestors(path.join(':'));
      if (id === '0') return groups.map((group) => perPeriod(...words(text(`sys/fs/cgroup${group}/cpu.max`))));
      if (!controllers.split(',').includes('cpu')) return [];
      return groups.map((group) => {
        const folder = `sys/fs/cgroup/${controllers}${group}`;
        return perPeriod(text(`${folder}/cpu.cfs_quota_us`), text(`${folder}/cpu.cfs_period_us`));
      });
    });
  return Math.min(Infinity, ...quotas);
}

const words = (line: string): [string?, string?] => line.split(' ') as [string?, string?];

/** `/a/b`, `/a` and the root, which in a container is the container's own group. */
function withAncestors(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, depth) => `/${names.slice(0, depth + 1).join('/')}`).concat('');
}

/** Unlimited where either is no number above 0: `max`, -1, or nothing there. */
function perPeriod(quota = '', period = ''): number {
  const [used, of] = [Number(quota), Number(period)];
  return used > 0 && of > 0 ? used / of : Infinity;
}
