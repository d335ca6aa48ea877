/** `fungi remove`: examples out of an index, by their ids. */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { firstFew } from '../../core/first-few.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addCommonOptions, addIndexesOption } from '../options.js';
import { counted } from '../output.js';
import { readIds, type IdFlags } from '../read-ids.js';

interface RemoveFlags extends CommonOptions, IdFlags {}

export function addRemove(program: Command, run: Run): void {
  addCommonOptions(addIndexesOption(program.command('remove')))
    .description('remove examples from an index, by their ids (a whole index: `fungi indexes remove`)')
    .argument('<name>', 'name of the index')
    .option('--ids <list>', 'ids, separated by commas')
    .option('--ids-file <file>', 'a file with an id a line, for many of them, and for ids with commas')
    .addHelpText(
      'after',
      `
\`fungi retrieve --json\` and \`fungi health --json\` tell ids. Those that are there are removed; where some are not, they are named, and the command ends with 5.
The files of the index still have what is removed until \`fungi indexes refit\` has made a new generation, and the previous generation, where one is
kept, has it until that is deleted too (docs/operations.md).

Examples:
  fungi remove bank --ids card-201,card-202
  fungi remove bank --ids-file gone.txt`,
    )
    .action((name: string, flags: RemoveFlags) => run(flags, (context) => remove(context, name, flags)));
}

async function remove({ indexes }: Context, name: string, flags: RemoveFlags): Promise<Report> {
  const ids = await readIds(flags);
  const { removeExamples } = await import('../../selector/remove-examples.js');
  const { removed, absent, rows } = await removeExamples({ name, indexes, ids });
  const report = {
    text: `index "${name}" in ${indexes}: ${counted(removed, 'example')} removed; it has ${counted(rows, 'example')} now`,
    json: { name, indexes, removed, absent, rows },
  };
  return absent.length === 0 ? report : { ...report, error: notThere(name, absent) };
}

function notThere(name: string, absent: readonly string[]): FungiError {
  const shown = firstFew(absent.map((id) => JSON.stringify(id)));
  return new FungiError(
    'EXAMPLE_NOT_FOUND',
    `index "${name}" has no example of ${absent.length === 1 ? 'the id' : `${absent.length} of the ids`}: ${shown}`,
    {
      hint: `\`fungi retrieve ${name} TEXT --json\` tells the ids of what is near.`,
      details: { name, absent },
    },
  );
}
