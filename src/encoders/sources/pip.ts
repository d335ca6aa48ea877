/** Running pip, for whoever needs it. */
import { resolve } from 'node:path';
import { runProcess, type ProcessResult, type RunProcess } from './process.js';

/**
 * Runs `python -m pip`. -m imports from the current folder first: pip is started in one that is empty, not where a pip.py may lie. A
 * Python named by its path is taken from the folder of this process all the same. Rejects only when it cannot be started.
 *
 * @param emptyFolder where it runs
 */
export const runPip = (
  python: string,
  args: readonly string[],
  emptyFolder: string,
  run: RunProcess = runProcess,
): Promise<ProcessResult> =>
  run(/[/\\]/.test(python) ? resolve(python) : python, ['-m', 'pip', ...args], { cwd: emptyFolder });
