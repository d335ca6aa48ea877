/** `fungi cache`: the features that evaluations have kept, and clearing them. */
import { InvalidArgumentError, type Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { groupRows } from '../../core/group-rows.js';
import type { KeptFeatures } from '../../eval/features/kept-features.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { featureFolder } from '../feature-cache.js';
import { addCommonOptions } from '../options.js';
import { bytes, counted, table, type Column } from '../output.js';

interface ClearFlags extends CommonOptions {
  readonly olderThan?: number;
}

const DAY_MS = 86_400_000;

export function addCache(program: Command, run: Run): void {
  const cache = program.command('cache').description('list and clear the features that evaluations have kept');
  addCommonOptions(cache.command('list'))
    .description('show what is kept: of which encoder and loss, for how many texts, and when it was last used')
    .addHelpText('after', '\nExamples:\n  fungi cache list\n  fungi cache list --json')
    .action((flags: CommonOptions) => run(flags, list));
  addCommonOptions(cache.command('clear'))
    .description('remove kept features; the next evaluation makes them anew. What a running one uses is left')
    .option('--older-than <days>', 'only what was last used so many days ago', days)
    .addHelpText('after', '\nExamples:\n  fungi cache clear\n  fungi cache clear --older-than 30')
    .action((flags: ClearFlags) => run(flags, (context) => clear(context, flags)));
}

function days(value: string): number {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : NaN;
  if (number >= 0) return number;
  throw new InvalidArgumentError('It must be a number of days, e.g. 30.');
}

const COLUMNS: readonly Column[] = [
  { title: 'encoder', flexible: true },
  { title: 'features' },
  { title: 'files', align: 'right' },
  { title: 'texts', align: 'right' },
  { title: 'size', align: 'right' },
  { title: 'last used' },
];

async function list({ config, columns }: Context): Promise<Report> {
  const { listKept } = await import('../../eval/features/kept-features.js');
  const folder = featureFolder(config);
  const files = await listKept(folder);
  const groups = groupRows(files.map(({ encoder, block }) => JSON.stringify([encoder, block])));
  const rows = [...groups.values()].map((places) => {
    const own = places.map((place) => files[place]!);
    const { encoder, block, lastUsed } = own[0]!;
    const texts = own.reduce((sum, each) => sum + each.texts, 0);
    const cells = [String(own.length), String(texts), bytes(sizeOf(own)), lastUsed.toISOString().slice(0, 10)];
    return [encoder ?? 'of an earlier version', block ?? '', ...cells];
  });
  const total = `${counted(files.length, 'file')}, ${bytes(sizeOf(files))} in ${folder}`;
  return {
    text: files.length === 0 ? `there are no features in ${folder}` : `${table(COLUMNS, rows, columns)}\n${total}`,
    json: { folder, bytes: sizeOf(files), files },
  };
}

async function clear({ config }: Context, { olderThan = 0 }: ClearFlags): Promise<Report> {
  const { clearKept } = await import('../../eval/features/kept-features.js');
  const folder = featureFolder(config);
  const { removed, inUse, failed } = await clearKept(folder, olderThan * DAY_MS);
  const names = (files: readonly KeptFeatures[]): string[] => files.map(({ file }) => file);
  const left = { inUse: names(inUse), failed: names(failed.map(({ kept }) => kept)) };
  return {
    text: `removed ${counted(removed.length, 'file')}, ${bytes(sizeOf(removed))}, from ${folder}`,
    json: { folder, bytes: sizeOf(removed), removed: names(removed), ...left },
    ...(failed.length > 0
      ? { error: refused(folder, failed[0]!.error, left) }
      : inUse.length > 0 && { error: used(folder, left.inUse) }),
  };
}

function refused(
  folder: string,
  cause: FungiError,
  { inUse, failed }: Readonly<Record<'inUse' | 'failed', readonly string[]>>,
): FungiError {
  const used = inUse.length === 0 ? '' : `; a running evaluation uses ${counted(inUse.length, 'other')}`;
  return new FungiError(
    'STORAGE_FAILED',
    `${counted(failed.length, 'file')} of ${folder} left: ${cause.message}${used}`,
    {
      ...(cause.hint !== undefined && { hint: cause.hint }),
      details: { ...cause.details, folder, inUse, failed },
      cause,
    },
  );
}

const used = (folder: string, files: readonly string[]): FungiError =>
  new FungiError('INDEX_LOCKED', `${counted(files.length, 'file')} of ${folder} left: a running evaluation uses them`, {
    hint: 'Wait until it has finished, or stop it, and clear again.',
    details: { folder, files },
  });

const sizeOf = (files: readonly KeptFeatures[]): number => files.reduce((sum, each) => sum + each.bytes, 0);
