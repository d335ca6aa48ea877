/** Splits of data sets on a Hugging Face hub, as the Parquet files that the hub makes of them. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { FungiError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { asStorageFailure } from '../../core/storage-failure.js';
import { downloadFile } from '../../encoders/sources/download.js';
import { withLock } from '../../encoders/sources/lock.js';
import type { SourceOptions } from '../../encoders/sources/options.js';
import type { HubDataset } from './hub-id.js';
import { chooseSplit, fetchListing, keptListing, refused, type ChosenSplit } from './hub-listing.js';

/**
 * The files of a split, in order, under `<cacheDir>/datasets/<owner--name>/<config>/<split>`. What is there already is taken without
 * asking the hub, so that a second run reads the same rows; a broken download is resumed by the next call.
 *
 * @throws {FungiError} FILE_NOT_FOUND when the hub has or shows no such data set, configuration or split, or it is not in the cache and the
 *   network is not to be used; INVALID_ARGUMENT when there are several to choose from; DOWNLOAD_FAILED; STORAGE_FAILED
 */
export async function hubSplitFiles(dataset: HubDataset, options: SourceOptions): Promise<string[]> {
  const folder = join(options.cacheDir, 'datasets', dataset.id.replaceAll('/', '--'));
  const kept = await keptSplit(dataset, join(folder, LISTING));
  const there = kept && (await present(kept, folder));
  if (there !== undefined) return there;
  if (options.offline) throw offline(dataset, folder);
  return withLock(`${folder}.lock`, `data set "${dataset.id}"`, options, async () => {
    try {
      return await pull(dataset, folder, options);
    } catch (error) {
      throw FungiError.is(error) ? error : (asStorageFailure(error, folder) ?? error);
    }
  });
}

const LISTING = 'parquet.json';

/** Undefined when the listing in the cache does not have it: the hub may have more by now. */
async function keptSplit(dataset: HubDataset, file: string): Promise<ChosenSplit | undefined> {
  const listing = await keptListing(file);
  if (listing === undefined) return undefined;
  try {
    return chooseSplit(dataset, listing);
  } catch (error) {
    if (FungiError.is(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Files of one listing lie together: those of a split that was revised since must not be read beside older ones. */
const pathsOf = ({ config, split, urls }: ChosenSplit, folder: string): string[] =>
  urls.map((_, i) =>
    join(folder, ...[config, split].map(encodeURIComponent), fingerprint(urls).slice(0, 12), `${i}.parquet`),
  );

async function present(chosen: ChosenSplit, folder: string): Promise<string[] | undefined> {
  const paths = pathsOf(chosen, folder);
  const sizes = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return sizes.every((found) => found?.isFile() === true) ? paths : undefined;
}

async function pull(dataset: HubDataset, folder: string, options: SourceOptions): Promise<string[]> {
  const chosen = chooseSplit(dataset, await fetchListing(dataset.id, join(folder, LISTING), options));
  const paths = pathsOf(chosen, folder);
  for (const [i, path] of paths.entries()) {
    if ((await stat(path).catch(() => undefined))?.isFile() === true) continue;
    const name = `${dataset.id}/${chosen.config}/${chosen.split}/${i}.parquet`;
    await downloadFile({ url: atHub(chosen.urls[i]!, options.hubEndpoint), path, name }, options).catch(
      (error: unknown) => {
        throw refused(error, dataset.id, options);
      },
    );
  }
  return paths;
}

/** The token goes with the request: an address elsewhere, as in a mirror's copy of the listing, is asked of the hub itself. */
function atHub(url: string, endpoint: string): string {
  const { origin, pathname, search } = new URL(url, endpoint);
  return origin === new URL(endpoint).origin ? new URL(url, endpoint).href : `${endpoint}${pathname}${search}`;
}

const offline = ({ id, config, split }: HubDataset, folder: string): FungiError => {
  const part = [config, split].filter((one) => one !== undefined).join(':');
  return new FungiError(
    'FILE_NOT_FOUND',
    `data set "${id}"${part === '' ? '' : ` (${part})`} is not in ${folder}, and the network is not to be used`,
    {
      hint: 'Unset HF_HUB_OFFLINE and FUNGI_OFFLINE to fetch it, or name files of your own.',
      details: { id, folder },
    },
  );
};
