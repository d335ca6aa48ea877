/** Writes until the file size limit that the parent set stops it, and says which error that was. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FungiError } from '../../../src/core/errors.js';
import { LanceStore } from '../../../src/store/lance.js';
import { StagedFeatures } from '../../../src/store/staged-features.js';
import { DIMS, rowOf } from '../support.js';

process.on('SIGXFSZ', () => undefined); // its default is to kill; handled, the write fails with EFBIG
const folder = process.argv[2]!;

async function outcome(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return FungiError.is(error) ? `${error.code} ${error.message}` : String(error);
  }
}

const staged = await outcome(async () => {
  const width = 1000;
  const stage = await StagedFeatures.open(join(folder, 'stage'), { fingerprint: 'plan', width });
  try {
    for (let i = 0; i < 20; i++) await stage.append(new Float32Array(100 * width).fill(i));
  } finally {
    await stage.close();
  }
});
const stored = await outcome(async () => {
  const store = await LanceStore.create(join(folder, 'store'), DIMS);
  await store.upsert([rowOf(0)]);
  await store.upsert([rowOf(1, { input: randomBytes(2_000_000).toString('base64') })]); // text that does not compress
});
process.send!([staged, stored]);
process.disconnect();
