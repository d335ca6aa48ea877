/** `fungi retrieve`: the nearest examples of a query. */
import type { Command } from 'commander';
import type { Modality } from '../../core/item.js';
import { nameOf } from '../../encoders/media/read-media.js';
import { modalityOf } from '../../store/manifest.js';
import type { SelectedExample } from '../../selector/selector.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import type { FilterFlags, OpenFlags } from '../open-selector.js';
import {
  addCommonOptions,
  addEngineOption,
  addFilterOptions,
  addIndexesOption,
  addRuntimeOptions,
} from '../options.js';
import { table, type Column } from '../output.js';
import { addPolicyOptions, explanationText, policyOptions, type PolicyFlags } from '../policy-option.js';
import { withSelection } from '../selection.js';

interface RetrieveFlags extends CommonOptions, OpenFlags, FilterFlags, PolicyFlags {}

const columnsOf = (modality: Modality): readonly Column[] => [
  { title: 'rank', align: 'right' },
  { title: 'distance', align: 'right' },
  { title: 'label' },
  { title: modality, flexible: true },
];

export function addRetrieve(program: Command, run: Run): void {
  const command = program
    .command('retrieve')
    .description('show the examples nearest to a text, image or sound')
    .argument('<name>', 'name of the index')
    .argument('<query>', 'a text, or the path of an image or a sound; "-" reads it from standard input');
  addOpenOptions(addPolicyOptions(addFilterOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  fungi retrieve bank "my card has not arrived"
  echo "my card has not arrived" | fungi retrieve bank - -k 5 --json
  fungi retrieve bank "my card" --label card_arrival --label card_linking
  fungi retrieve bank "my card" --filter '{"metadata": {"year": {"gte": 2020}}}'
  fungi retrieve bank "my card" --policy '{"duplicates": true, "choice": {"by": "mmr"}, "minLabels": 3}' --explain
  fungi retrieve bank "my card" --policy policy.yaml
  fungi retrieve birds photo.jpg`,
    )
    .action((name: string, query: string, flags: RetrieveFlags) =>
      run(flags, (context) => retrieve(context, name, query, flags)),
    );
}

/** What every command that opens an index takes. */
export const addOpenOptions = (command: Command): Command =>
  addCommonOptions(
    addIndexesOption(
      addRuntimeOptions(
        addEngineOption(command)
          .option('--encoder <id|dir>', "where the index's model lies now, if not where the index was built")
          .option('--file <name>', 'its ONNX file there, if of another name'),
      ),
    ),
  );

async function retrieve(context: Context, name: string, argument: string, flags: RetrieveFlags): Promise<Report> {
  const policy = await policyOptions(flags, flags.k);
  const query = await readText(context, argument);
  const { examples, truncated, manifest, abstains, explanation } = await withSelection(
    context,
    { name, query, flags, policy },
    (selection, selector) => ({ ...selection, manifest: selector.manifest }),
  );
  const found = table(columnsOf(modalityOf(manifest.encoder) ?? 'text'), examples.map(row), context.columns);
  return {
    text: explanation === undefined ? found : `${found}\n\n${explanationText(explanation, manifest)}`,
    json: {
      ...{ index: name, query, k: flags.k, truncated, examples },
      ...(abstains !== undefined && { abstains }),
      ...(explanation !== undefined && { explanation }),
    },
  };
}

const row = ({ rank, distance, label, input }: SelectedExample): string[] => [
  String(rank),
  distance.toFixed(4),
  label,
  nameOf(input),
];
