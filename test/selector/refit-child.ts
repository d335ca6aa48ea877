/** Refits the index "bank" under the folder in argv, telling each step on standard output; killed by the test. */
import { FungiSelector } from '../../src/selector/selector.js';
import { placeIn } from './support.js';

const [folder = ''] = process.argv.slice(2);
const { name, indexes, sources } = placeIn(folder).options('bank');
const selector = await FungiSelector.refit({
  ...{ name, indexes, sources },
  onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
});
await selector.close();
