/** Upserts batches of a plan known to the parent and reports each that the store acknowledged. Forked, and killed, by tests. */
import { LanceStore } from '../../../src/store/lance.js';
import { batchOf } from '../support.js';

const [folder, writer, batches] = process.argv.slice(2);
const store = await LanceStore.open(folder!);
for (let batch = 0; batch < Number(batches); batch++) {
  await store.upsert(batchOf(Number(writer), batch));
  process.send!(batch);
}
await store.close();
process.disconnect();
