import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError, type ErrorCode } from '../../../src/core/errors.js';
import { withoutPaths } from '../../../src/server/indexes/without-paths.js';

const said = (message: string, code: ErrorCode = 'INDEX_CORRUPT', hint = 'Do.'): string => {
  const error = withoutPaths(new FungiError(code, message, { hint }), ['/srv/data/indexes', './models']) as FungiError;
  expect(error.code).toBe(code);
  return `${error.message}. ${error.hint!}`;
};

describe('errors for clients', () => {
  it.each([
    ['/srv/data/indexes/bank/pca.safetensors is damaged', 'bank/pca.safetensors is damaged. Do.'],
    ['opening the store in /srv/data/indexes/bank: no', 'opening the store in bank: no. Do.'],
    ['copying "/var/cache/x/a.onnx" (5 bytes)', 'copying "a.onnx" (5 bytes). Do.'],
    [`ENOENT: open '/home/me/.cache/fungi/model.onnx'`, `ENOENT: open 'model.onnx'. Do.`],
    [`${process.cwd()}/models/a/config.json: missing`, 'a/config.json: missing. Do.'],
    ['C:\\Users\\me\\bank\\pca is gone', 'pca is gone. Do.'],
    ['see https://example.org/a/b, 3/4 and/or a', 'see https://example.org/a/b, 3/4 and/or a. Do.'],
  ])('say %s without folders', (message, expected) => {
    expect(said(message)).toBe(expected);
  });

  it('keep what a client sent, which may look like a path', () => {
    expect(said('label "/a/b/c" is none', 'INVALID_DATA')).toBe('label "/a/b/c" is none. Do.');
  });

  it('clean the hint, and have the error as it was as their cause', () => {
    const error = new FungiError('INDEX_LOCKED', 'locked', { hint: 'Delete /srv/data/indexes/.lock-bank.' });
    const clean = withoutPaths(error, ['/srv/data/indexes']) as FungiError;
    expect(clean.hint).toBe('Delete .lock-bank.');
    expect(clean.cause).toBe(error);
    const other = new Error('/srv/data/indexes/a');
    expect(withoutPaths(other, [])).toBe(other);
  });

  it('name no absolute folder, whatever it is called (property)', () => {
    const part = fc.stringMatching(/^[\w.-]{1,8}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), part, (folders, file) => {
        expect(said(`reading /${[...folders, file].join('/')}: no`)).toBe(`reading ${file}: no. Do.`);
      }),
    );
  });
});
