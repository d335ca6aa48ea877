/** Three files, or an error that says which could not be written. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reportModel, type ReportModel } from '../../../src/eval/report/model.js';
import { reportMarkdown } from '../../../src/eval/report/page/report-markdown.js';
import { reportPage } from '../../../src/eval/report/page/report-page.js';
import { writeReport } from '../../../src/eval/report/write-report.js';
import { reportInput, SMALL } from './support.js';

let folder: string;
let model: ReportModel;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-report-'));
  model = reportModel(await reportInput(SMALL));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('writes JSON, Markdown and HTML into a folder that it makes, and replaces them', async () => {
  const target = join(folder, 'a', 'b');
  await writeReport(target, { ...model, title: 'an older one' });
  expect(await writeReport(target, model)).toEqual(['report.json', 'report.md', 'report.html'].map((name) => join(target, name))); // prettier-ignore
  expect((await readdir(target)).sort()).toEqual(['report.html', 'report.json', 'report.md']);
  const read = (name: string): Promise<string> => readFile(join(target, name), 'utf8');
  expect(JSON.parse(await read('report.json'))).toEqual(JSON.parse(JSON.stringify(model)));
  expect(await read('report.md')).toBe(reportMarkdown(model));
  expect(await read('report.html')).toBe(reportPage(model));
});

it('says which file could not be written', async () => {
  const file = join(folder, 'taken');
  await writeFile(file, 'as it was');
  await expect(writeReport(file, model)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(join(file, 'report.json')) as string,
  });
  expect(await readFile(file, 'utf8')).toBe('as it was');
});
