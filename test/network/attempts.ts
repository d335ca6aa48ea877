/** Connections beyond this machine that were refused to this process, or to one that it started. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempts } from './guard.mjs';

const folder = mkdtempSync(join(tmpdir(), 'network-attempts-'));
const file = join(folder, 'attempts');

/** For the environment of a process that is given one of its own: it is held by the guard then, and what it tries is told. */
export const guarded = (): Record<string, string> => ({
  NODE_OPTIONS: process.env['NODE_OPTIONS'] ?? '',
  NETWORK_ATTEMPTS: file,
});

/** `host:port` of each since the last call: those of this process first. */
export function takeAttempts(): string[] {
  return [...attempts.splice(0), ...ofChildren()];
}

export const removeRecord = (): void => {
  rmSync(folder, { recursive: true, force: true });
};

function ofChildren(): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    rmSync(file);
    return lines;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
