/** Refits the index "bank" under the folder in argv, telling each step on standard output; killed by the test. */
import { FungiSelector } from '../../src/selector/selector.js';
import { asStored, placeIn } from './support.js';

const [folder = ''] = process.argv.slice(2);
const selector = await FungiSelector.refit({
  ...asStored(placeIn(folder)),
  onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
});
await selector.close();
