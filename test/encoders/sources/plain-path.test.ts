import { describe, expect, it } from 'vitest';
import { isPlainPath } from '../../../src/encoders/sources/plain-path.js';

describe('a plain path', () => {
  it.each(['a', 'a/b.c', '...', 'a b'])('is %j on every system', (path) => {
    expect([isPlainPath(path, 'linux'), isPlainPath(path, 'win32')]).toEqual([true, true]);
  });

  it.each(['', '.', '..', '/a', 'a/', 'a//b', './a', 'a/../b', 'a\\b', 'a\0'])('is %j on none', (path) => {
    expect([isPlainPath(path, 'linux'), isPlainPath(path, 'win32')]).toEqual([false, false]);
  });

  it.each(['c:a', 'a:b', 'a/c:/b'])('is %j where a colon is a character like others', (path) => {
    expect([isPlainPath(path, 'linux'), isPlainPath(path, 'win32')]).toEqual([true, false]);
  });
});
