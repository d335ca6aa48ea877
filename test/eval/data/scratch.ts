/** A folder of its own for each test file, and what reading from it is refused with. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { FungiError } from '../../../src/core/errors.js';
import { readExamples, type ReadExamplesOptions } from '../../../src/eval/data/read-examples.js';

export class Scratch {
  private constructor(readonly folder: string) {}

  static async create(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), 'fungi-data-')));
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes files by their paths below the folder; returns the path of the first. */
  async write(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(this.path(name)), { recursive: true });
      await writeFile(this.path(name), content);
    }
    return this.path(Object.keys(files)[0]!);
  }

  /** The error that reading ends with, the folder cut from its message. */
  async refusal(
    source: string,
    options?: ReadExamplesOptions,
  ): Promise<{ code: string; message: string; hint: string | undefined }> {
    const error: unknown = await readExamples(source, options).then(
      () => new Error(`${source} was read`),
      (reason: unknown) => reason,
    );
    if (!FungiError.is(error)) throw error;
    return { code: error.code, message: this.relative(error.message), hint: error.hint && this.relative(error.hint) };
  }

  relative(text: string): string {
    return text.replaceAll(`${this.folder}/`, '');
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Text and label of each example, as `label: text`. */
export async function pairsOf(source: string, options?: ReadExamplesOptions): Promise<string[]> {
  return (await readExamples(source, options)).examples.map(({ input, label }) => `${label}: ${input}`);
}
