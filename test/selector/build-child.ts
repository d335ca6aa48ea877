/** Builds the index "bank" under the folder in argv, telling each step on standard output; killed by the test. */
import { FungiSelector } from '../../src/selector/selector.js';
import { placeIn, tinyExamples } from './support.js';

const [folder = '', rows = '0', kind = 'auto'] = process.argv.slice(2);
const selector = await FungiSelector.build({
  ...placeIn(folder).options('bank'),
  examples: tinyExamples(Number(rows)),
  reducer: { kind: kind as 'auto' | 'pca' },
  features: { losses: [{ name: 'kl' }], projection: { kind: 'nystrom', landmarks: 64 } },
  onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
});
await selector.close();
