/**
 * Asks /livez twenty times a second, as a prober does: from a process of its own, so that how busy the load generator is does not count,
 * and on connections that no load has used. `node --import tsx prober.ts URL`; any message ends it and is answered with milliseconds.
 */
import { call, connections } from './load.js';

const [url] = process.argv.slice(2);
const lives: number[] = [];
const over = new AbortController();
process.on('message', () => {
  over.abort();
});
const own = connections();
while (!over.signal.aborted) {
  lives.push((await call(url!, { method: 'GET', path: '/livez' }, own)).ms);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
process.send!(lives, () => {
  process.disconnect();
});
own.destroy();
