/** How many processors there are for this process. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { controlGroups } from './control-groups.js';

/** What the machine has. */
export interface Machine {
  /** Processors that this process may run on. */
  readonly usable?: number;
  /** All of them. */
  readonly all?: number;
  /** Where the machine's files are. */
  readonly root?: string;
}

/**
 * Those that this process may run on, or as many as the CPU quota of its control groups pays for, whole ones, at least one. More threads than that use
 * the quota up before its period ends, and then all of them stand still.
 */
export function processorCount({ usable = availableParallelism(), root = '/' }: Machine = {}): number {
  return Math.max(1, Math.min(usable, Math.floor(quotaOf(root))));
}

/**
 * Threads for onnxruntime, which by itself takes every core of the machine, also of those that this process may not run on.
 * @returns 0, its own count, where the whole machine is there; else no more than there are cores
 */
export function defaultThreads(machine: Machine = {}): number {
  const { all = cpus().length, root = '/' } = machine;
  const count = processorCount(machine);
  return count < all ? Math.min(count, coresOf(root)) : 0;
}

/** The least quota of a process's group and those around it, in processors. */
function quotaOf(root: string): number {
  const { v1, v2 } = controlGroups('cpu', root);
  const quotas = [
    ...v1.map((file) => perPeriod(file('cpu.cfs_quota_us'), file('cpu.cfs_period_us'))),
    ...v2.map((file) => perPeriod(...(file('cpu.max').split(' ') as [string?, string?]))),
  ];
  return Math.min(Infinity, ...quotas);
}

/** Unlimited where either is no number above 0: `max`, -1, or nothing there. */
function perPeriod(quota = '', period = ''): number {
  const [used, of] = [Number(quota), Number(period)];
  return used > 0 && of > 0 ? used / of : Infinity;
}

/** Processors that share a core count once; unlimited where nobody says. */
function coresOf(root: string): number {
  const folder = join(root, 'sys/devices/system/cpu');
  try {
    const processors = readdirSync(folder).filter((name) => /^cpu\d+$/.test(name));
    const cores = processors.map((name) => readFileSync(join(folder, name, 'topology/thread_siblings_list'), 'utf8'));
    return new Set(cores).size || Infinity;
  } catch {
    return Infinity;
  }
}
