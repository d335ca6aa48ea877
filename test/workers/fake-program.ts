/** A model process without a model: what an item says is what becomes of it. */
import { existsSync, writeFileSync } from 'node:fs';
import type { FeaturizeResult, SourceInfo, WorkerCall, WorkerMessage } from '../../src/workers/messages.js';

const INFO: SourceInfo = { encoder: 'fake', modality: 'text', dims: 2, blocks: [], maxTokens: 64, viewsPerItem: 1 };

const send = (message: WorkerMessage): void => {
  process.send!(message);
};

/** [length of the item, items of its run] */
function featurize(items: readonly string[]): FeaturizeResult {
  if (items.includes('poison')) process.kill(process.pid, 'SIGKILL');
  if (items.includes('hang')) for (;;);
  // As the kernel ends whoever is computing where memory is short: until there is a file.
  const starved = items.find((item) => item.startsWith('starved until '));
  if (starved !== undefined && !existsSync(starved.slice('starved until '.length)))
    process.kill(process.pid, 'SIGKILL');
  if (items.includes('ill')) throw new Error('ill');
  const vectors = Float32Array.from(items.flatMap((item) => [item.length, items.length]));
  return { vectors, truncated: items.map((item) => item.endsWith('…')), inferMs: 1 };
}

/** Dies where `path` is not there yet, and leaves it behind for its successor to find. */
function dieOnce(path: string): void {
  if (existsSync(path)) return;
  writeFileSync(path, '');
  process.kill(process.pid, 'SIGKILL');
}

process.on('message', ({ call, request }: WorkerCall) => {
  if (request.kind === 'open') {
    if (request.source.key === 'fatal') process.kill(process.pid, 'SIGKILL');
    if (request.source.key.startsWith('fatal at first ')) dieOnce(request.source.key.slice('fatal at first '.length));
    send({ call, result: INFO });
  } else if (request.kind === 'featurize') {
    const { items } = request;
    const wait = items.includes('wait') ? 200 : 0;
    setTimeout(() => {
      try {
        send({ call, result: featurize(items) });
      } catch (error) {
        send({
          call,
          failure: { code: 'INVALID_TEXT', message: (error as Error).message, hint: undefined, details: {} },
        });
      }
    }, wait);
  } else if (request.kind === 'close') send({ call, result: null });
});
process.on('disconnect', () => process.exit(0));
