import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { LanceStore } from '../../src/store/lance.js';
import { MemoryStore } from '../../src/store/memory.js';
import { storeContract } from '../../src/testing/store-contract.js';

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fungi-contract-'));
});
afterAll(() => rm(root, { recursive: true }));

storeContract('MemoryStore', (dims) => Promise.resolve(new MemoryStore(dims)), { describe, it });
storeContract('LanceStore', (dims) => LanceStore.create(join(root, `store-${made++}`), dims), { describe, it });
