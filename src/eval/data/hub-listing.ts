/** Which Parquet files a hub has of a data set: https://huggingface.co/docs/dataset-viewer/parquet */
import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { replaceFileWith } from '../../core/atomic-file.js';
import { FungiError } from '../../core/errors.js';
import { retrying } from '../../encoders/sources/download.js';
import { hubGet } from '../../encoders/sources/http.js';
import type { SourceOptions } from '../../encoders/sources/options.js';
import type { HubDataset } from './hub-id.js';

/** Addresses of files, by configuration and split. */
export type Listing = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const schema = z.record(z.string(), z.record(z.string(), z.array(z.string()).min(1)));

/**
 * Asks the hub, and keeps the answer in `file`.
 *
 * @throws {FungiError} FILE_NOT_FOUND when the hub has no such data set, or does not show it; DOWNLOAD_FAILED
 */
export async function fetchListing(id: string, file: string, options: SourceOptions): Promise<Listing> {
  const url = `${options.hubEndpoint}/api/datasets/${id}/parquet`;
  const what = `data set "${id}"`;
  const text = await retrying(
    async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of (await hubGet(url, what, options)).body()) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    },
    what,
    options,
  ).catch((error: unknown) => {
    throw refused(error, id, options);
  });
  const listing = parse(text);
  if (listing === undefined) {
    throw new FungiError('DOWNLOAD_FAILED', `${url}: the answer is not a hub's listing: ${text.slice(0, 100)}`, {
      hint: 'Does HF_ENDPOINT name a Hugging Face hub or a mirror of it?',
    });
  }
  await replaceFileWith(file, JSON.stringify(listing));
  return listing;
}

/** What an earlier call kept. */
export async function keptListing(file: string): Promise<Listing | undefined> {
  return parse(await readFile(file, 'utf8').catch(() => ''));
}

function parse(text: string): Listing | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The hub's refusal in terms of a data set: its client speaks of models. */
export function refused(error: unknown, id: string, { hubEndpoint, hubToken }: SourceOptions): unknown {
  if (!FungiError.is(error, 'MODEL_NOT_FOUND')) return error;
  const status = Number(error.details['status']);
  const named = 'Check the name: owner/name, in the same case';
  const [reason, hint] =
    status === 403
      ? [
          'access is not granted',
          "Accept the data set's terms on its page, and use a token that may read it (HF_TOKEN).",
        ]
      : status === 401 && hubToken === undefined
        ? ['it does not exist, or is private or gated', `${named}; for a private or gated data set set HF_TOKEN.`]
        : status === 401
          ? ['it does not exist, or the token is not accepted', `${named}, and that HF_TOKEN is valid.`]
          : [
              'it does not exist, or the hub has no Parquet files of it',
              `${named}. Or download its files and name these.`,
            ];
  return new FungiError('FILE_NOT_FOUND', `${hubEndpoint} answered ${status} for data set "${id}": ${reason}`, {
    hint,
    details: { id, status },
    cause: error,
  });
}

export interface ChosenSplit {
  readonly config: string;
  readonly split: string;
  readonly urls: readonly string[];
}

/**
 * The split that `dataset` names. A configuration may be left out where there is one only or one called "default", a split where there is
 * one only.
 *
 * @throws {FungiError} FILE_NOT_FOUND when it does not exist, INVALID_ARGUMENT when none is named and there are several: both list what
 *   there is
 */
export function chooseSplit({ id, config: namedConfig, split: namedSplit }: HubDataset, listing: Listing): ChosenSplit {
  const configs = Object.keys(listing);
  const standard = configs.length === 1 ? configs[0] : configs.find((one) => one === 'default');
  const config = namedConfig ?? standard;
  const splitsOf = config === undefined || !configs.includes(config) ? undefined : listing[config];
  if (config === undefined || splitsOf === undefined) {
    throw missing(
      id,
      'configuration',
      namedConfig,
      configs,
      (one) => `hf:${id}/${one}${namedSplit ? `:${namedSplit}` : ''}`,
    );
  }
  const splits = Object.keys(splitsOf);
  const split = namedSplit ?? (splits.length === 1 ? splits[0] : undefined);
  const urls = split === undefined || !splits.includes(split) ? undefined : splitsOf[split];
  if (split === undefined || urls === undefined) {
    const path = namedConfig === undefined ? id : `${id}/${namedConfig}`;
    throw missing(id, 'split', namedSplit, splits, (one) => `hf:${path}:${one}`);
  }
  return { config, split, urls };
}

const MOST_NAMES = 20;

function missing(
  id: string,
  kind: 'configuration' | 'split',
  named: string | undefined,
  all: readonly string[],
  written: (one: string) => string,
): FungiError {
  const more = all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : '';
  const list = `${all.slice(0, MOST_NAMES).join(', ') || 'none'}${more}`;
  const hint = all[0] === undefined ? 'Name another data set.' : `Write ${written(all[0])}, for example.`;
  return named === undefined
    ? new FungiError('INVALID_ARGUMENT', `data set "${id}" has several ${kind}s, and none is named: ${list}`, {
        hint,
        details: { id, all },
      })
    : new FungiError('FILE_NOT_FOUND', `data set "${id}" has no ${kind} "${named}"; it has ${list}`, {
        hint,
        details: { id, named, all },
      });
}
