import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LanceStore } from '../../src/store/lance.js';
import { StagedFeatures } from '../../src/store/staged-features.js';
import { asStorageFailure } from '../../src/core/storage-failure.js';
import { allRows, inFolder, messagesOf, rowOf } from './support.js';

describe('a disk that refuses', () => {
  // A limit on file size stands for a full disk: both fail in the middle of a write, and this one needs no privileges.
  it.runIf(process.platform === 'linux')('is a typed error, and what was stored before stays readable', () =>
    inFolder(async (folder) => {
      const child = fileURLToPath(new URL('./children/full-disk-child.ts', import.meta.url));
      const limited = spawn(
        'bash',
        ['-c', 'ulimit -f 1024; exec "$@"', '-', process.execPath, '--import', 'tsx', child, folder],
        {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        },
      );
      const [[staged, stored]] = (await messagesOf<[string, string]>(limited)) as [[string, string]];
      expect(staged).toMatch(/^STORAGE_FAILED .*EFBIG/);
      expect(stored).toMatch(/^STORAGE_FAILED .*EFBIG/);

      const stage = await StagedFeatures.open(join(folder, 'stage'), { fingerprint: 'plan', width: 1000 });
      expect(stage.rowsDone).toBe(200); // two windows of 400 kB fit into 1 MiB
      await stage.append(new Float32Array(1000));
      await stage.close();
      const store = await LanceStore.open(join(folder, 'store'));
      expect(await allRows(store)).toEqual([rowOf(0)]);
      await store.upsert([rowOf(1)]);
      expect(await store.verify()).toEqual({ rows: 2, problems: [] });
      await store.close();
    }),
  );

  it.each([
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), /the disk is full \(ENOSPC\)/],
    [Object.assign(new Error('x'), { code: 'EROFS' }), /read-only/],
    [new Error('LanceError(IO): No space left on device (os error 28)'), /the disk is full/],
    [new Error('lance error: Permission denied (os error 13), /src/lib.rs'), /permission is denied/],
  ])('is known from %s', (error, message) => {
    const failure = asStorageFailure(error, 'writing x');
    expect(failure).toMatchObject({ code: 'STORAGE_FAILED' });
    expect(failure?.message).toMatch(message);
  });

  it('is not seen in other errors', () => {
    expect(asStorageFailure(new Error('file size is too small'), 'x')).toBeUndefined();
    expect(asStorageFailure(Object.assign(new Error('x'), { code: 'ENOENT' }), 'x')).toBeUndefined();
    expect(asStorageFailure(new TypeError('x'), 'x')).toBeUndefined();
  });
});
