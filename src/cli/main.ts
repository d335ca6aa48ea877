#!/usr/bin/env node
/** The `fungi` command: hands the process to the program, and the program's exit code to the process. */
import { text } from 'node:stream/consumers';
import { environment } from '../core/config.js';
import { ERRORS } from '../core/errors.js';
import { run } from './program.js';

// The reader of our output may leave early (`fungi … | head`): nothing is left to do then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

let tell = (): void => undefined;
// Nothing is taken back: what is resumable stays, and a lock whose holder is gone is taken over. The second Ctrl-C is the system's.
const interrupted = (): void => {
  tell();
  process.exit(ERRORS.ABORTED.exit);
};
process.once('SIGINT', interrupted);

/** For a command that ends in good order: the first signal asks it to, the second ends the process. */
function untilStopped(): Promise<void> {
  process.removeListener('SIGINT', interrupted);
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve();
        process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
      });
    }
  });
}

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  readStdin: () => text(process.stdin),
  env: environment,
  onInterrupt: (listener) => (tell = listener),
  untilStopped,
  now: () => performance.now(),
});
