/** `fungi indexes refit` and `rollback`: a new generation of an index, and the one before it again. */
import type { Command } from 'commander';
import type { ComparedGeneration } from '../../selector/generations.js';
import { findIndex } from '../../store/index-folder.js';
import { readManifest } from '../../store/manifest.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { manifestLines } from '../manifest-lines.js';
import type { OpenFlags } from '../open-selector.js';
import { addCommonOptions, addIndexesOption, pick, runtimeOptions, surroundings } from '../options.js';
import { counted, duration, pairs } from '../output.js';
import { addOpenOptions } from './retrieve.js';

interface RefitFlags extends CommonOptions, OpenFlags {
  readonly force?: boolean;
}

export function addGenerations(indexes: Command, run: Run): void {
  addOpenOptions(indexes.command('refit'))
    .description(
      'make a new generation of an index of the rows that it holds now, with the settings that it was built with',
    )
    .argument('<name>', 'name of the index')
    .option('--force', 'also where nothing was written to it since its build')
    .addHelpText(
      'after',
      `
What was fitted on the rows of the build is fitted on those of now: reduction, landmarks, negatives, and of --reducer auto the choice. That
takes as long as building the index. It answers meanwhile, and takes no changes; an interrupted refit goes on where it stopped while the
rows are the same. The present generation is kept as the previous one, which takes as much room on the disk.
The one that was kept before goes, with examples that are in it alone, as those are that a rollback left: a warning says how many.
An index to which nothing was written since its build is left as it is, unless another version built it, or auto had no time for some losses; --force makes a new generation of it too. The new one has no trace of
examples that were removed: where their texts have to be gone for good, delete the previous generation as well (docs/operations.md).

Examples:
  fungi indexes refit bank
  fungi indexes refit bank --encoder ./models/bert-base`,
    )
    .action((name: string, flags: RefitFlags) => run(flags, (context) => refit(context, name, flags)));

  addCommonOptions(addIndexesOption(indexes.command('rollback')))
    .description('put the previous generation of an index in its place, and keep the present one')
    .argument('<name>', 'name of the index')
    .addHelpText(
      'after',
      `
There is a previous generation after a refit, and after a build with --keep-previous: \`fungi indexes describe\` tells. Examples that were added
to one generation are in that one alone. A second rollback returns to where one was.

Examples:
  fungi indexes rollback bank
  fungi indexes rollback bank --json`,
    )
    .action((name: string, flags: CommonOptions) => run(flags, (context) => rollback(context, name)));
}

async function refit(context: Context, name: string, flags: RefitFlags): Promise<Report> {
  const { effects, indexes } = context;
  const began = effects.now();
  // Not a selector: that would read every row back into memory, to search none of them.
  const { refitIndex } = await import('../../selector/refit-index.js');
  const refitted = await refitIndex({
    ...{ name, indexes, ifUnchanged: flags.force === true ? 'refit' : 'leave' },
    ...pick(flags, 'encoder', 'file'),
    ...runtimeOptions(flags),
    ...surroundings(context),
  });
  const seconds = (effects.now() - began) / 1000;
  if (refitted === undefined) {
    const manifest = await readManifest(await findIndex(indexes, name));
    const heading = `index "${name}" in ${indexes} is as its build left it: nothing to refit (--force makes a new generation all the same)`;
    return {
      text: `${heading}\n${pairs(manifestLines(manifest))}`,
      json: { name, indexes, state: 'unchanged', seconds, manifest },
    };
  }
  const { manifest, store, featurizer } = refitted;
  await store.close();
  await featurizer.close();
  const heading = `index "${name}" in ${indexes} is of a new generation, made in ${duration(seconds)}; \`fungi indexes rollback ${name}\` returns to the one before`;
  return {
    text: `${heading}\n${pairs(manifestLines(manifest))}`,
    json: { name, indexes, state: 'refitted', seconds, manifest },
  };
}

async function rollback({ indexes, log }: Context, name: string): Promise<Report> {
  const { rollbackIndex } = await import('../../selector/generations.js');
  const { present, previous } = await rollbackIndex({ name, indexes, log });
  const text = `index "${name}" in ${indexes} is the generation ${line(present)} again`;
  return {
    text: `${text}\n${previous === undefined ? 'what was in its place cannot be read, or was gone' : `the one that was left, ${line(previous)}, is kept: another rollback returns to it`}`,
    json: { name, indexes, present: facts(present), previous: previous === undefined ? null : facts(previous) },
  };
}

function line({ manifest: { createdAt }, rows, own }: ComparedGeneration): string {
  const alone = own === null ? '' : `, ${own} of them in this one alone`;
  return `of ${createdAt} (${rows === null ? 'rows unreadable' : `${counted(rows, 'row')}${alone}`})`;
}

const facts = ({ manifest: { createdAt, storeId }, rows, own }: ComparedGeneration) => ({
  ...{ createdAt, generation: storeId, rows, own },
});
