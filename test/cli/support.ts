/** The command line in this process, on a folder of its own with a model of a few kilobytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/program.js';
import { tinyModel, writeFiles, type Files } from '../encoders/tiny-model.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout parsed: fails when anything else was printed there. */
  readonly json: () => unknown;
}

export class Workspace {
  private constructor(readonly folder: string) {}

  /** A folder with `model/` and the training file `train.jsonl`. */
  static async create(): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), 'fungi-cli-')));
    await workspace.write(await tinyModel(), 'model');
    await workspace.write({
      'train.jsonl': jsonl(EXAMPLES),
      'test.jsonl': jsonl(EXAMPLES.filter((_, i) => i % 6 < 3)),
    });
    return workspace;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async write(files: Files, ...under: string[]): Promise<string> {
    return writeFiles(this.path(...under), files);
  }

  /** Runs `fungi` with the workspace's indexes and cache; "MODEL" and "@name" stand for the model's folder and files here. */
  async fungi(
    argv: readonly string[],
    {
      stdin = '',
      env = {},
      now = () => performance.now(),
      columns,
    }: { stdin?: string; env?: Record<string, string>; now?: () => number; columns?: number } = {},
  ): Promise<Outcome> {
    const out: string[] = [];
    const err: string[] = [];
    const code = await run(
      [
        '--indexes',
        this.path('indexes'),
        ...argv.map((arg) => (arg === 'MODEL' ? this.path('model') : arg.replace(/^@(?=\w)/, `${this.folder}/`))),
      ],
      {
        stdout: { write: (text) => out.push(text), columns },
        stderr: { write: (text) => err.push(text) },
        readStdin: () => Promise.resolve(stdin),
        env: { FUNGI_CACHE: this.path('cache'), HF_HUB_CACHE: this.path('hub'), HF_HUB_OFFLINE: '1', ...env },
        now,
      },
    );
    const [stdout, stderr] = [out.join(''), err.join('')];
    return { code, stdout, stderr, json: () => JSON.parse(stdout) as unknown };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Twelve texts that the tiny model's vocabulary tells apart. */
export const EXAMPLES = [
  ...['the cat sat', 'a cat', 'cats sat', 'the cats', 'a b cat', 'cat c d'].map((text) => ({ text, label: 'cat' })),
  ...['the dog sat', 'a dog', 'dogs sat', 'the dogs', 'a b dog', 'dog c d'].map((text) => ({ text, label: 'dog' })),
].map((row, i) => ({ ...row, year: 2015 + i }));

export const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
