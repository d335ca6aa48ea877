/** Which process this is, written so that another one can tell whether it still runs. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

const fromProc = z.string().nullable().default(null);

/** What only /proc tells is null elsewhere. */
export const identitySchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Of the running kernel: two machines, or one before and after a restart, may have one host name. */
  boot: fromProc,
  /** Containers number their processes apart, and may share host name, kernel and a volume. */
  pidNamespace: fromProc,
  /** Clock ticks from boot to the process's start: the pid alone may be another process's by now. */
  started: fromProc,
});
export type ProcessIdentity = z.infer<typeof identitySchema>;

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
    started: processState(process.pid)?.started ?? null,
  };
}

/** Undefined when it cannot be told from here: its pid is one of another machine, container or boot. */
export function isRunning({ pid, host, boot, pidNamespace, started }: ProcessIdentity): boolean | undefined {
  const own = ownIdentity();
  if (host !== own.host || boot !== own.boot || pidNamespace !== own.pidNamespace) return undefined;
  const state = processState(pid);
  if (state !== undefined) return !state.zombie && (started === null || state.started === started);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** From /proc/<pid>/stat (proc(5): the fields after the parenthesised name are state … and, 19 further, starttime). */
function processState(pid: number): { zombie: boolean; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { zombie: fields[0] === 'Z' || fields[0] === 'X', started: fields[19]! };
  } catch {
    return undefined;
  }
}

function orNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
