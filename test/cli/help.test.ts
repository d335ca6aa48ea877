import type { Command } from 'commander';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgram, run } from '../../src/cli/program.js';
import { ERRORS } from '../../src/core/errors.js';
import { optionOf, SETTING_NAMES } from '../../src/server/configuration/settings.js';
import { guarded } from '../network/attempts.js';

const screen = { write: () => true };
const program = createProgram({ stdout: screen, stderr: screen }, () => Promise.resolve());

async function help(...argv: string[]): Promise<string> {
  const out: string[] = [];
  const fail = (): never => {
    throw new Error('help needs nothing of this');
  };
  const effects = { stdout: { write: (text: string) => out.push(text) }, stderr: { write: fail }, env: {} };
  expect(await run([...argv, '--help'], { ...effects, readStdin: fail, now: fail })).toBe(0);
  return out.join('');
}

/** Leaves of the tree of commands, by the words that call them. */
function leaves(command: Command, path: readonly string[] = []): [string, readonly string[]][] {
  if (command.commands.length === 0) return [[path.join(' '), path]];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

/** What the commands have to offer, beside --json, which all have. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  demo: ['--encoder', '--base-url', '--model'],
  index: [
    ...['--indexes', '--data', '--encoder', '--losses', '--pooling', '--projection', '--mode', '--dims', '--seed'],
    ...[
      '--reducer',
      '--shrinkage',
      '--metric',
      '--input-key',
      '--label-key',
      '--id-key',
      '--provider',
      '--threads',
      '--processes',
      '--target',
      '--force',
      '--keep-previous',
      '--file',
      '--engine',
    ],
  ],
  add: [
    ...['--indexes', '--input-key', '--label-key', '--id-key', '--encoder', '--file'],
    ...['--provider', '--threads', '--processes', '--engine'],
  ],
  remove: ['--indexes', '--ids', '--ids-file'],
  retrieve: [
    ...['--indexes', '-k', '--label', '--filter', '--encoder', '--provider', '--threads', '--processes'],
    ...['--policy', '--explain'],
  ],
  prompt: [
    ...['--indexes', '-k', '--template', '--var', '--label', '--filter', '--policy', '--explain'],
    ...['--image-side', '--image-detail', '--media-url-key', '--media-bytes'],
  ],
  answer: [
    ...['--indexes', '-k', '--data', '--template', '--base-url', '--model', '--api-key-env', '--concurrency'],
    ...['--timeout', '--attempts', '--no-cache', '--input-key', '--label-key', '--policy', '--explain'],
    ...['--image-side', '--image-detail', '--media-url-key', '--media-bytes'],
  ],
  'eval ablate': [
    ...[
      '--train',
      '--test',
      '--split',
      '--vary',
      '--with',
      '--cross',
      '--table',
      '--figure',
      '--loss',
      '--features',
      '-k',
    ],
    ...['--ties', '--seeds', '--throughput-texts', '--no-feature-cache', '--markdown', '--dims', '--target'],
  ],
  'eval cluster': [
    '--train',
    '--test',
    '--encoder',
    '--features',
    '--shots',
    '--seeds',
    '--restarts',
    '--no-feature-cache',
  ],
  'eval retrieval': ['--train', '--test', '--split', '--encoder', '--features', '--metric', '--seeds', '--dims'],
  'eval cka': ['--data', '--encoder', '--features', '--limit', '--seed', '--no-feature-cache'],
  'eval linear': ['--train', '--test', '--split', '--encoder', '--features', '--shots', '--seeds', '--iterations'],
  'eval segment': [
    ...['--train', '--test', '--classes', '--ignore', '--tiles', '--bank', '-k', '--temperature', '--seeds'],
    ...[
      '--limit-train',
      '--limit-test',
      '--encoder',
      '--file',
      '--target',
      '--output',
      '--provider',
      '--threads',
      '--processes',
    ],
    ...['--features', '--augmentation-epochs', '--mode', '--projection'],
  ],
  'eval throughput': ['--data', '--encoder', '--features', '--texts', '--provider', '--threads', '--processes'],
  'eval knn': [
    ...[
      '--train',
      '--test',
      '--encoder',
      '--features',
      '--shots',
      '--sampling',
      '--unlabelled',
      '--seeds',
      '-k',
      '--limit-train',
      '--ties',
      '--reducer',
      '--shrinkage',
      '--metric',
    ],
    ...['--limit-test', '--input-key', '--label-key', '--dims', '--mode', '--projection', '--throughput-texts'],
  ],
  'eval compare': [
    ...['--report', '--shots', '--sampling', '--unlabelled', '--no-feature-cache'],
    ...[
      '--train',
      '--test',
      '--selectors',
      '--selector',
      '--baseline',
      '-k',
      '--seeds',
      '--limit-train',
      '--limit-test',
    ],
    ...['--encoder', '--dims', '--mode', '--projection', '--input-key', '--label-key', '--throughput-texts'],
  ],
  'eval icl': [
    ...[
      '--train',
      '--test',
      '--selectors',
      '--selector',
      '--baseline',
      '-k',
      '--seeds',
      '--limit-train',
      '--limit-test',
    ],
    ...[
      '--template',
      '--var',
      '--max-tokens',
      '--price-input',
      '--price-output',
      '--max-cost',
      '--max-calls',
      '--dry-run',
      '--report',
    ],
    ...['--base-url', '--model', '--api-key-env', '--concurrency', '--timeout', '--attempts', '--no-cache'],
    ...['--encoder', '--dims', '--mode', '--projection', '--input-key', '--label-key', '--no-feature-cache'],
  ],
  serve: ['--config', '--print-config', ...SETTING_NAMES.map((name) => `--${optionOf(name)}`)],
  'keys create': ['--scope'],
  health: [
    ...['--indexes', '-k', '--near-distance', '--top', '--unlabelled', '--select', '--queries'],
    ...['--input-key', '--label-key', '--encoder', '--file', '--provider', '--threads', '--processes', '--engine'],
  ],
  calibrate: [
    ...['--indexes', '-k', '--data', '--queries', '--seed', '--method', '--precision', '--policy', '--out'],
    ...['--input-key', '--label-key', '--encoder', '--file', '--provider', '--threads', '--processes', '--engine'],
  ],
  'indexes list': ['--indexes'],
  'indexes describe': ['--indexes'],
  'indexes verify': ['--indexes'],
  'indexes refit': [
    '--indexes',
    '--force',
    '--encoder',
    '--file',
    '--provider',
    '--threads',
    '--processes',
    '--engine',
  ],
  'indexes rollback': ['--indexes'],
  'indexes remove': ['--indexes'],
  'cache list': [],
  'cache clear': ['--older-than'],
  'models list': [],
  'models pull': [],
  'models path': [],
  'models inspect': ['--file', '--pooling', '--target', '--output', '--provider', '--threads'],
  doctor: [],
};

describe('--help', () => {
  const commands = leaves(program);

  it('covers every command', () => {
    expect(commands.map(([name]) => name).sort()).toEqual(Object.keys(OPTIONS).sort());
  });

  it.each(commands)('%s: every option and an example', async (name, path) => {
    const text = await help(...path);
    for (const option of ['--json', '--quiet', '--debug', ...OPTIONS[name]!]) {
      expect(text).toMatch(new RegExp(`(^|[ ,])${option}\\b`, 'm'));
    }
    expect(text).toMatch(new RegExp(`Examples:\\n(.*\\n)*.*fungi ${name}\\b`));
  });

  it('names the losses of texts, and those of images besides', async () => {
    const text = (await help('index')).replace(/\s+/g, ' ');
    expect(text).toContain('some of kl and simclr, for images also dino, deepcluster and ibot');
  });

  it('lists every error code with its exit code', async () => {
    const text = await help();
    for (const [code, { exit }] of Object.entries(ERRORS))
      expect(text).toMatch(new RegExp(`^ +${exit} .*\\b${code}\\b`, 'm'));
  });
});

describe('the process', () => {
  const fungi = async (...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    return promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...argv]).then(
      (output) => ({ code: 0, ...output }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  };

  it('prints help and ends with 0', async () => {
    const { code, stdout, stderr } = await fungi('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: fungi/);
  });

  it.each([
    ['for people', []],
    ['under --json', ['--json']],
  ])('tells that it was interrupted, and how to go on: %s', async (_, more) => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const hub = createServer().listen(0, '127.0.0.1');
    await once(hub, 'listening');
    const { port } = hub.address() as AddressInfo;
    const folder = await mkdtemp(join(tmpdir(), 'fungi-interrupt-'));
    const env = {
      PATH: process.env['PATH'],
      ...guarded(),
      HF_ENDPOINT: `http://127.0.0.1:${port}`,
      FUNGI_CACHE: folder,
      HF_HOME: folder,
    };
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'models', 'pull', 'some/model', ...more], { env });
    const stderr = text(child.stderr);
    await once(hub, 'request'); // and no reply
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    hub.closeAllConnections();
    hub.close();
    await rm(folder, { recursive: true });
    expect(code).toBe(130);
    const hint = 'The same command goes on where it stopped.';
    if (more.length === 0) expect(await stderr).toBe(`error [ABORTED]: interrupted\nhint: ${hint}\n`);
    else expect(JSON.parse(await stderr)).toMatchObject({ error: { code: 'ABORTED', hint, retryable: false } });
  });

  it('ends with the exit code of the error', async () => {
    const { code, stdout, stderr } = await fungi('indexes', 'describe', 'none', '--indexes', '/nonexistent');
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toMatch(/^error \[INDEX_NOT_FOUND\]: .*\nhint: /);
  });
});
