/** The report on disk. */
import { join } from 'node:path';
import { replaceFileWith } from '../../core/atomic-file.js';
import { FungiError } from '../../core/errors.js';
import type { ReportModel } from './model.js';
import { reportMarkdown } from './page/report-markdown.js';
import { reportPage } from './page/report-page.js';

export const REPORT_FILES = ['report.json', 'report.md', 'report.html'] as const;

/**
 * Writes report.json, report.md and report.html; each replaces an older one as a whole.
 *
 * @param folder is made when it is not there
 * @returns paths of the files
 * @throws {FungiError} STORAGE_FAILED when a file cannot be written
 */
export async function writeReport(folder: string, model: ReportModel): Promise<string[]> {
  // All is rendered before anything is written: the three files belong together.
  const contents = [`${JSON.stringify(model, null, 2)}\n`, reportMarkdown(model), reportPage(model)];
  const paths = REPORT_FILES.map((name) => join(folder, name));
  for (const [i, path] of paths.entries()) {
    try {
      await replaceFileWith(path, contents[i]!);
    } catch (cause) {
      throw new FungiError('STORAGE_FAILED', `${path} cannot be written: ${(cause as Error).message}`, {
        hint: 'Name a folder that may be written to, and make room on its disk.',
        cause,
      });
    }
  }
  return paths;
}
