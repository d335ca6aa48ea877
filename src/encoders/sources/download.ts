/**
 * One file of a hub, resumed where it broke off. Our own rather than @huggingface/transformers' hub utilities: those keep files
 * in memory while they arrive, cannot resume, and do not compare digests.
 */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { sha256File } from '../../core/fingerprint.js';
import { silentLogger } from '../../core/log.js';
import { TransientError, hubGet, type HubResponse } from './http.js';
import { realEffects, type SourceOptions } from './options.js';

export interface FileRequest {
  readonly url: string;
  /** Where the finished file goes; while it arrives it is `<path>.partial`. */
  readonly path: string;
  /** Names it in progress and errors. */
  readonly name: string;
  /** Known beforehand from the hub's listing. */
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
}

/** Failures in a row without a new byte before giving up. */
const ATTEMPTS = 5;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

/**
 * @throws {FungiError} DOWNLOAD_FAILED when it keeps failing: what had arrived stays for the next call; MODEL_NOT_FOUND when the
 *   hub refuses it
 */
export async function downloadFile(request: FileRequest, options: SourceOptions): Promise<void> {
  const partial = `${request.path}.partial`;
  await mkdir(dirname(request.path), { recursive: true });
  await retrying(
    () => attempt(request, partial, options),
    request.name,
    options,
    () => sizeOf(partial),
  );
}

/**
 * Repeats `work` on {@link TransientError}s, with growing pauses, until it fails {@link ATTEMPTS} times in a row.
 *
 * @param reached bytes there so far: a failure after new ones counts as the first
 */
export async function retrying<T>(
  work: () => Promise<T>,
  name: string,
  options: SourceOptions,
  reached: () => Promise<number> = () => Promise.resolve(0),
): Promise<T> {
  const sleep = options.effects?.sleep ?? realEffects.sleep;
  let furthest = await reached();
  for (let failures = 0; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const bytes = await reached();
      failures = bytes > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, bytes);
      if (failures >= ATTEMPTS) {
        const kept = bytes > 0 ? `; ${bytes} bytes are kept, the next call goes on from there` : '';
        throw new FungiError('DOWNLOAD_FAILED', `${name}: ${error.message} (${ATTEMPTS} tries)${kept}`, {
          hint: 'Run the same command again later, or set HF_ENDPOINT to a mirror.',
          cause: error,
        });
      }
      (options.log ?? silentLogger).info(`${name}: ${error.message}; trying again`);
      await sleep(Math.min(error.retryAfterMs ?? FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS));
    }
  }
}

async function attempt(request: FileRequest, partial: string, options: SourceOptions): Promise<void> {
  const have = await sizeOf(partial);
  // All of it is there, as after a kill during the check: nothing to ask for.
  if (have > 0 && have === request.size && request.sha256 !== undefined) return finish(request, partial, have, request);
  const hub = await hubGet(request.url, request.name, options, have > 0 ? `bytes=${have}-` : undefined);
  const sha256 = request.sha256 ?? hub.sha256;
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(hub.headers.get('content-range') ?? '');
  const size = request.size ?? hub.size ?? (range === null ? contentLength(hub) : Number(range[2]));
  if (hub.status === 416 || (hub.status === 206 && Number(range?.[1]) !== have)) {
    await hub.discard();
    if (hub.status === 416 && have === size && sha256 !== undefined)
      return finish(request, partial, have, { size, sha256 });
    await rm(partial, { force: true });
    throw new TransientError('the server cannot go on from where it broke off; starting over');
  }
  const end = await receive(hub, partial, hub.status === 206 ? have : 0, size, request.name, options);
  if (size !== undefined && end < size) throw new TransientError(`the connection ended after ${end} of ${size} bytes`);
  await finish(request, partial, end, { size, sha256 });
}

/** Checks what arrived and gives it its name; drops it when it is not the file. */
async function finish(
  request: FileRequest,
  partial: string,
  bytes: number,
  { size, sha256 }: Pick<FileRequest, 'size' | 'sha256'>,
): Promise<void> {
  const digest = sha256 === undefined ? undefined : await sha256File(partial);
  if ((size !== undefined && bytes > size) || digest !== sha256) {
    await rm(partial, { force: true });
    const [found, wanted] = [digest, sha256].map((one) => (one === undefined ? '' : ` with sha256 ${one}`));
    throw new TransientError(`arrived damaged: ${bytes} bytes${found}, expected ${size ?? 'any number'}${wanted}`);
  }
  await rename(partial, request.path);
}

/** Appends the body to `partial` from `start` on; returns the size reached. */
async function receive(
  hub: HubResponse,
  partial: string,
  start: number,
  size: number | undefined,
  name: string,
  { onProgress }: SourceOptions,
): Promise<number> {
  const file = await open(partial, start > 0 ? 'a' : 'w');
  let done = start;
  try {
    for await (const piece of hub.body()) {
      await file.writeFile(piece);
      done += piece.length;
      onProgress?.({ stage: `download ${name}`, done, total: size ?? 0, unit: 'bytes' });
    }
  } finally {
    await file.sync();
    await file.close();
  }
  return done;
}

/** Of the bytes on the wire: says nothing about the file when they are compressed, or are an error's. */
function contentLength({ status, headers }: HubResponse): number | undefined {
  const length = headers.get('content-length');
  return status !== 200 || length === null || headers.has('content-encoding') ? undefined : Number(length);
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;
