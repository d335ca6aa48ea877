/** Models from a Hugging Face hub or a mirror of one: https://huggingface.co/docs/hub/api */
import { rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import { isQuantisedModel } from '../../onnx/quantised.js';
import { readBertConfig } from '../bert-config.js';
import { WEIGHTS_FILE } from '../bert-conversion.js';
import { poolingSettingsFile } from '../pooling.js';
import { downloadFile, retrying } from './download.js';
import { externalDataFiles } from './external-data.js';
import { TransientError, hubGet } from './http.js';
import { installFolder } from './install-folder.js';
import { exportsOf, WEIGHTS } from './model-files.js';
import type { SourceOptions } from './options.js';
import { writeOrigin } from './origin.js';
import { isPlainPath } from './plain-path.js';

/** What surrounds the weights; taken where the repository has it. */
const SMALL_FILES = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
  'special_tokens_map.json',
  'modules.json',
  'sentence_bert_config.json',
];

const siblingSchema = z.looseObject({
  rfilename: z.string(),
  size: z.int().nonnegative().nullish(),
  lfs: z.looseObject({ sha256: z.string().nullish() }).nullish(),
});
const listingSchema = z.looseObject({
  /** The commit; anything else a mirror may put here counts as unknown, since it becomes a folder's name. */
  sha: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional()
    .catch(undefined),
  /** Names that are no plain paths are none of ours, and could only lead out of the folder. */
  siblings: z.array(siblingSchema).transform((files) => files.filter(({ rfilename }) => isPlainPath(rfilename))),
  cardData: z.looseObject({ license: z.unknown() }).nullish(),
});
type Listing = z.infer<typeof listingSchema>;

/**
 * Fetches what an encoder needs of the repository and puts it into the cache folder `target` once all of it is there. A broken
 * download is resumed by the next call.
 *
 * @throws {FungiError} MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_CORRUPT, DOWNLOAD_FAILED
 */
export async function pullHub(id: string, target: string, options: SourceOptions): Promise<void> {
  const listing = await readListing(id, options);
  const weights = chooseWeights(id, listing, options.file);
  // Removed as a whole at the end: made of the id alone, never of what the hub answers.
  const downloads = join(options.cacheDir, 'downloads', id.replaceAll('/', '--'));
  const staging = join(downloads, listing.sha ?? 'main');
  const present = new Set(listing.siblings.map(({ rfilename }) => rfilename));
  const fetchAll = async (names: readonly string[]) => {
    for (const name of names) if (present.has(name)) await fetchFile(id, name, listing, staging, options);
  };
  await fetchAll(SMALL_FILES);
  await fetchAll([await poolingSettingsFile(staging)]);
  // Says what is wrong before the big download, not after.
  if (weights === WEIGHTS_FILE) await readBertConfig(staging);
  await fetchAll([weights]);
  if (weights !== WEIGHTS_FILE) await fetchAll(dataOf(id, weights, present, staging));
  const exact = options.file === undefined ? undefined : unquantisedExport(weights, present);
  if (exact !== undefined && isQuantisedModel(join(staging, weights))) {
    options.log?.info(`${weights} is quantised: gradients come from the last block of ${exact}, which is fetched too`);
    await fetchAll([exact]);
    await fetchAll(dataOf(id, exact, present, staging));
  }
  const licence = listing.cardData?.license;
  await writeOrigin(staging, {
    id,
    source: 'hub',
    from: `${options.hubEndpoint}/${id}`,
    revision: listing.sha,
    licence: typeof licence === 'string' ? licence : undefined,
  });
  await installFolder(staging, target);
  await rm(downloads, { recursive: true, force: true });
}

async function readListing(id: string, options: SourceOptions): Promise<Listing> {
  const url = `${options.hubEndpoint}/api/models/${id}?blobs=true`;
  const text = await retrying(() => getText(url, id, options), `listing of ${id}`, options);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const listing = listingSchema.safeParse(json);
  if (listing.success) return listing.data;
  throw new FungiError('DOWNLOAD_FAILED', `${url}: the answer is not a hub's listing: ${text.slice(0, 100)}`, {
    hint: 'Does HF_ENDPOINT name a Hugging Face hub or a mirror of it?',
    cause: listing.error,
  });
}

async function getText(url: string, id: string, options: SourceOptions): Promise<string> {
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await hubGet(url, `model "${id}"`, options)).body()) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  } catch (error) {
    throw isUnreachable(error) ? unreachable(options, error) : error;
  }
}

/** A hub that cannot be reached at all is given up at once: a package index may do, and a user should not wait a minute. */
const isUnreachable = (error: unknown): error is TransientError =>
  error instanceof TransientError &&
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|ETIMEDOUT|CERT|no answer/.test(
    error.message,
  );

const unreachable = ({ hubEndpoint }: SourceOptions, cause: TransientError): FungiError =>
  new FungiError('DOWNLOAD_FAILED', `${hubEndpoint} cannot be reached: ${cause.message}`, {
    hint: 'Set HF_ENDPOINT to a mirror that can be reached, or name a local folder that holds the model.',
    cause,
  });

/** Names in the repository of the files that hold the graph's weights: all lie in the graph's own folder. */
function dataOf(id: string, graph: string, present: ReadonlySet<string>, staging: string): string[] {
  const data = externalDataFiles(join(staging, graph));
  const names = data.map((name) => posix.join(posix.dirname(graph), name));
  const missing = names.find((name) => !present.has(name));
  if (missing === undefined) return names;
  throw new FungiError(
    'MODEL_CORRUPT',
    `the repository of "${id}" has no ${missing}, which holds weights of ${graph}`,
    {
      hint: 'Choose another graph of it (`file`), or another model.',
      details: { id, graph, missing },
    },
  );
}

/** What a quantised file was made of. */
function unquantisedExport(file: string, present: ReadonlySet<string>): string | undefined {
  const exports: readonly string[] = WEIGHTS;
  return exports.includes(posix.normalize(file)) ? undefined : exportsOf(file).find((name) => present.has(name));
}

function chooseWeights(id: string, { siblings }: Listing, file: string | undefined): string {
  const names = siblings.map(({ rfilename }) => rfilename);
  const found = (file === undefined ? WEIGHTS : [file]).find((name) => names.includes(name));
  if (found !== undefined) return found;
  const graphs = names.filter((name) => name.endsWith('.onnx'));
  throw new FungiError('MODEL_UNSUPPORTED', `the repository of "${id}" has no ${file ?? WEIGHTS.join(', ')}`, {
    hint:
      graphs.length > 0
        ? `It has ${graphs.slice(0, 8).join(', ')}: choose one.`
        : 'Export it with `optimum-cli export onnx` and name the folder.',
    details: { id, files: names.slice(0, 100) },
  });
}

async function fetchFile(
  id: string,
  name: string,
  { sha, siblings }: Listing,
  staging: string,
  options: SourceOptions,
): Promise<void> {
  const path = join(staging, name);
  if ((await stat(path).catch(() => undefined))?.isFile() === true) return;
  const entry = siblings.find(({ rfilename }) => rfilename === name);
  await downloadFile(
    {
      // All files of one commit, also when the branch moves on between two of them or two calls.
      url: `${options.hubEndpoint}/${id}/resolve/${sha ?? 'main'}/${name.split('/').map(encodeURIComponent).join('/')}`,
      path,
      name,
      size: entry?.size ?? undefined,
      sha256: entry?.lfs?.sha256 ?? undefined,
    },
    options,
  );
}
