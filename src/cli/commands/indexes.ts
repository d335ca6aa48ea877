/** `fungi indexes`: what is there, whether it is whole, its generations, and removing it. */
import type { Command } from 'commander';
import { ERRORS, FungiError } from '../../core/errors.js';
import type { FeatureSpec } from '../../features/spec.js';
import { findIndex, listIndexes, removeIndex } from '../../store/index-folder.js';
import { assertOwnStore, readManifest, verifyArtefacts, type Manifest } from '../../store/manifest.js';
import type { VerifyReport } from '../../store/store.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { manifestLines } from '../manifest-lines.js';
import { addCommonOptions, addIndexesOption } from '../options.js';
import { counted, pairs, table, type Column } from '../output.js';
import { addGenerations } from './generations.js';

const COLUMNS: readonly Column[] = [
  { title: 'index' },
  { title: 'rows', align: 'right' },
  { title: 'labels at build', align: 'right' },
  { title: 'features' },
  { title: 'dims', align: 'right' },
  { title: 'encoder', flexible: true },
  { title: 'built' },
];

export function addIndexes(program: Command, run: Run): void {
  const indexes = program.command('indexes').description('list, describe, check, refit, roll back and remove indexes');
  const add = (name: string, description: string, example: string): Command =>
    addCommonOptions(addIndexesOption(indexes.command(name)))
      .description(description)
      .addHelpText('after', `\nExamples:\n  ${example}\n  ${example} --indexes ./elsewhere --json`);

  add('list', 'show the indexes there are', 'fungi indexes list').action((flags: CommonOptions) => run(flags, list));
  const onOne = (
    name: string,
    description: string,
    work: (context: Context, index: string) => Promise<Report>,
  ): Command =>
    add(name, description, `fungi indexes ${name} bank`)
      .argument('<name>', 'name of the index')
      .action((index: string, flags: CommonOptions) => run(flags, (context) => work(context, index)));
  onOne('describe', 'show what an index was made with', describe);
  onOne('verify', 'read every file and row of an index and compare it with its checksum', verify);
  addGenerations(indexes, run);
  onOne('remove', 'remove an index, and its previous generation', remove);
}

interface Listed {
  readonly name: string;
  readonly rows?: number | null;
  readonly manifest?: Manifest;
  /** Why there is no manifest. */
  readonly problem?: string;
}

async function listed(indexes: string, name: string): Promise<Listed> {
  try {
    const { countRows } = await import('../../selector/generations.js');
    const folder = await findIndex(indexes, name);
    const manifest = await readManifest(folder);
    return { name, rows: await countRows(folder), manifest };
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    return { name, problem: error.message };
  }
}

async function list({ indexes, columns }: Context): Promise<Report> {
  const names = await listIndexes(indexes);
  const found: Listed[] = [];
  for (const name of names) found.push(await listed(indexes, name));
  const rows = found.map(({ name, rows: count, manifest, problem }) => {
    if (manifest === undefined) return [name, '', '', '', '', problem ?? '', ''];
    const { losses } = manifest.features as unknown as FeatureSpec;
    const features = ['embedding', ...losses.map((loss) => loss.name)].join('+');
    const { labels, dims, encoder, createdAt } = manifest;
    return [
      name,
      String(count ?? '?'),
      String(labels.length),
      features,
      String(dims),
      encoder.id,
      createdAt.slice(0, 10),
    ];
  });
  const text = names.length === 0 ? `there are no indexes in ${indexes}` : table(COLUMNS, rows, columns);
  return { text, json: { folder: indexes, indexes: found } };
}

async function describe({ indexes }: Context, name: string): Promise<Report> {
  const { countRows } = await import('../../selector/generations.js');
  const folder = await findIndex(indexes, name);
  const manifest = await readManifest(folder);
  const rows = await countRows(folder);
  const previous = await previousOf(indexes, name);
  const text = pairs([['folder', folder], ...manifestLines(manifest, rows), ...previousLines(name, previous)]);
  return { text, json: { folder, rows, manifest, previous } };
}

type Previous = { readonly createdAt: string; readonly rows: number | null } | { readonly problem: string };

async function previousOf(indexes: string, name: string): Promise<Previous | null> {
  const { previousGeneration } = await import('../../selector/generations.js');
  try {
    const found = await previousGeneration({ name, indexes });
    return found === undefined ? null : { createdAt: found.manifest.createdAt, rows: found.rows };
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    return { problem: error.message };
  }
}

function previousLines(name: string, previous: Previous | null): [name: string, value: string][] {
  if (previous === null) return [];
  if ('problem' in previous) return [['previous', previous.problem]];
  const { createdAt, rows } = previous;
  const held = rows === null ? 'rows unreadable' : counted(rows, 'row');
  return [['previous', `${createdAt}, ${held} (\`fungi indexes rollback ${name}\`)`]];
}

async function verify({ indexes }: Context, name: string): Promise<Report> {
  const report = await check(indexes, name);
  const { rows, problems } = report;
  const lines = problems.map(({ id, message }) => (id === undefined ? message : `row ${id}: ${message}`));
  return {
    text:
      problems.length === 0
        ? `index "${name}" is whole: ${counted(rows, 'row')}, no problems`
        : `index "${name}": ${counted(problems.length, 'problem')}\n${lines.join('\n')}`,
    json: { name, ...report },
    exitCode: problems.length === 0 ? 0 : ERRORS.INDEX_CORRUPT.exit,
  };
}

/** Damage is the result here, not a failure. */
async function check(indexes: string, name: string): Promise<VerifyReport> {
  const folder = await findIndex(indexes, name);
  const { LanceStore } = await import('../../store/lance.js');
  try {
    const manifest = await readManifest(folder);
    await verifyArtefacts(folder, manifest);
    const store = await LanceStore.open(folder);
    try {
      assertOwnStore(manifest, store);
      return await store.verify();
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
    return { rows: 0, problems: [{ message: error.message }] };
  }
}

async function remove({ indexes }: Context, name: string): Promise<Report> {
  await removeIndex(indexes, name);
  return { text: `index "${name}" in ${indexes} is removed`, json: { name, removed: true } };
}
