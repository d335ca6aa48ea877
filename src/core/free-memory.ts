/** How much memory this process may still take. */
import { freemem } from 'node:os';
import { controlGroups, type GroupFiles } from './control-groups.js';

/**
 * What is free on the machine, or less where a control group around the process has a limit; files that it only keeps cached count as free.
 * @param root where the machine's files are
 * @returns bytes
 */
export function freeMemory(machine = freemem(), root = '/'): number {
  const { v1, v2 } = controlGroups('memory', root);
  const left = [
    ...v1.map((file) => leftOf(file, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file')),
    ...v2.map((file) => leftOf(file, 'memory.max', 'memory.current', 'inactive_file')),
  ];
  return Math.max(0, Math.min(machine, ...left));
}

/** Of one group; unlimited where it has no limit. */
function leftOf(file: GroupFiles, limit: string, usage: string, cached: string): number {
  const [most, used] = [Number.parseInt(file(limit), 10), Number.parseInt(file(usage), 10)];
  if (Number.isNaN(most) || Number.isNaN(used)) return Infinity;
  const line = file('memory.stat')
    .split('\n')
    .find((each) => each.startsWith(`${cached} `));
  return most - used + Number(line?.split(' ')[1] ?? 0);
}
