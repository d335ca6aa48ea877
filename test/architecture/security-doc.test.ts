/** docs/security.md names a test for each promise; they are there. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const path = new URL('../../docs/security.md', import.meta.url);
const links = [...readFileSync(path, 'utf8').matchAll(/\]\((\.\.\/test\/[^)]+)\)/g)].map(([, link]) => link!);

it('links to tests that there are', () => {
  expect(links.length).toBeGreaterThan(40);
  expect(links.filter((link) => !existsSync(new URL(link, path)))).toEqual([]);
});
