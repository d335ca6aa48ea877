// Writes the table of docs/encoders.md between its markers, from a run of the tests that it sums up. A failed run changes nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const TEST = 'test/golden/families.test.ts';
const DOCUMENT = 'docs/encoders.md';
const MARKED = /(<!-- families: [^\n]* -->\n)[^]*(\n<!-- end of families -->)/;

const document = readFileSync(DOCUMENT, 'utf8');
if (!MARKED.test(document)) throw new Error(`${DOCUMENT} has lost the markers of its table`);

const folder = mkdtempSync(join(tmpdir(), 'fungi-families-'));
try {
  const path = join(folder, 'table.md');
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', TEST], {
    env: { ...process.env, FAMILIES_TABLE: path },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${TEST} failed: ${DOCUMENT} stays as it is`);
  const written = document.replace(MARKED, (_, begin, end) => `${begin}\n${readFileSync(path, 'utf8')}${end}`);
  const options = await resolveConfig(DOCUMENT);
  writeFileSync(DOCUMENT, await format(written, { ...options, filepath: DOCUMENT }));
} finally {
  rmSync(folder, { recursive: true });
}
