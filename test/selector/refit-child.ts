/** Refits the index "bank" under the folder in argv, telling each step on standard output, the last rename too; killed by the test. */
import { setTimeout } from 'node:timers/promises';
import { FungiSelector } from '../../src/selector/selector.js';
import { IndexBuild } from '../../src/store/index-build.js';
import { asStored, placeIn } from './support.js';

const [folder = '', end = ''] = process.argv.slice(2);
const publish = Reflect.get(IndexBuild.prototype, 'publish');
IndexBuild.prototype.publish = async function (...args) {
  const published = await publish.apply(this, args);
  process.stdout.write('published 0\n');
  if (end === 'waits') await setTimeout(60_000); // to be killed here
  return published;
};
const selector = await FungiSelector.refit({
  ...asStored(placeIn(folder)),
  onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
});
await selector.close();
