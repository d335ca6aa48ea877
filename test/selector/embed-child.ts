/** Opens the indexes bank0, bank1, … under the folder in argv and tells the vectors of the texts that follow, index by index. */
import { FungiSelector } from '../../src/selector/selector.js';
import { placeIn } from './support.js';

const [folder = '', count = '0', ...texts] = process.argv.slice(2);
const found: number[][][] = [];
for (let i = 0; i < Number(count); i++) {
  const selector = await FungiSelector.open(placeIn(folder).options(`bank${i}`));
  const { vectors } = await selector.embed(texts);
  found.push(vectors.map((vector) => [...vector]));
  await selector.close();
}
process.send!(found);
process.disconnect();
