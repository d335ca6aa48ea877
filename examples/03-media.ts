/** Images or sounds as examples: `npx tsx examples/03-media.ts DATA ENCODER QUERY`, DATA a folder `DATA/<label>/<file>`. */
import { FungiSelector } from '../src/index.js';
import { readExamples } from '../src/eval/index.js';

const [data, encoder, query] = process.argv.slice(2) as [string, string, string];
const { examples } = await readExamples(data);

// What the encoder reads decides what the examples are: of an image or audio encoder, paths.
const selector = await FungiSelector.build({
  name: 'media',
  encoder,
  examples,
  features: { losses: [{ name: 'kl' }] },
});
const { label, vote, selection } = await selector.answer(query, { k: 3 });
for (const { rank, distance, label, input } of selection.examples) console.log(rank, distance.toFixed(3), label, input);
console.log(label, `${vote.votes} of ${vote.total} votes`);
await selector.close();
