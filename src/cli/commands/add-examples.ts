/** `fungi add`: more labelled examples into an index that is there. */
import type { Command } from 'commander';
import { firstFew } from '../../core/first-few.js';
import type { ExampleInput } from '../../core/item.js';
import { findIndex } from '../../store/index-folder.js';
import { readManifest, type Manifest } from '../../store/manifest.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { assertReads } from '../media-items.js';
import type { OpenFlags } from '../open-selector.js';
import { pick, runtimeOptions, surroundings } from '../options.js';
import { counted, duration } from '../output.js';
import { addPoolOptions, POOL_SOURCES, readPool, tellRepeats, type PoolFlags } from '../read-pool.js';
import { addOpenOptions } from './retrieve.js';

interface AddFlags extends CommonOptions, OpenFlags, PoolFlags {}

export function addAdd(program: Command, run: Run): void {
  const command = program
    .command('add')
    .description('add labelled examples to an index; one whose id is there already is replaced')
    .argument('<name>', 'name of the index')
    .argument('<source>', `examples: ${POOL_SOURCES}`);
  addOpenOptions(addPoolOptions(command))
    .addHelpText(
      'after',
      `
Rows are read as \`fungi index\` reads them. An example without an id has one made of text and label, so that the same is not added twice. Where the id is there
with another text, label or metadata, the new example takes its place. A text that is there as it is, is left alone; images and sounds are encoded in any
case, since their files may hold something else now. A text without an id that is there with another label is a second example: \`fungi health\` lists
such conflicts. What is stored stays: an interrupted command, called again, adds the rest.

Reduction, landmarks and what auto chose stay those of the build: after many additions, or with new labels, \`fungi indexes refit\` fits them anew.

Examples:
  fungi add bank new.jsonl
  fungi add bank new.csv --input-key question --label-key intent --id-key number
  fungi add flowers flowers/new --encoder ./models/dinov2-small`,
    )
    .action((name: string, source: string, flags: AddFlags) =>
      run(flags, (context) => add(context, name, source, flags)),
    );
}

async function add(context: Context, name: string, source: string, flags: AddFlags): Promise<Report> {
  const { effects, indexes, log } = context;
  const built = await readManifest(await findIndex(indexes, name));
  const { examples, warnings } = await readPool(source, flags, context);
  const { sameEncoder } = await import('../../selector/open-featurizer.js');
  const options = {
    ...{ name, indexes },
    ...pick(flags, 'encoder', 'file'),
    ...runtimeOptions(flags),
    ...surroundings(context),
  };
  const { encoder } = await sameEncoder(options, built);
  assertReads(encoder, examples, source, `Index "${name}" holds texts: images and sounds need one of their own.`);
  const { repeated, conflicts } = tellRepeats(examples, encoder.modality, context);

  const began = effects.now();
  const { addExamples } = await import('../../selector/add-examples.js');
  const { manifest, ...counts } = await addExamples({ ...options, encoder, examples });
  const seconds = (effects.now() - began) / 1000;
  const newLabels = labelsWithoutDirection(examples, manifest);
  if (newLabels.length > 0) log.warn(withoutDirection(name, newLabels));
  const { added, replaced, unchanged, rows } = counts;
  const done = `${counted(added, 'example')} added, ${replaced} replaced, ${unchanged} unchanged`;
  return {
    text: `index "${name}" in ${indexes}: ${done}, in ${duration(seconds)}; it has ${counted(rows, 'example')} now`,
    json: {
      ...{ name, indexes, seconds, read: examples.length, repeated, conflicts, warnings },
      ...{ ...counts, newLabels },
    },
  };
}

/** Labels of the examples that came after the build, where its reduction learned of labels. */
function labelsWithoutDirection(examples: readonly ExampleInput[], { labels, reducer }: Manifest): string[] {
  if (reducer.kind !== 'lda' && reducer.kind !== 'blend') return [];
  const known = new Set(labels);
  return [...new Set(examples.map(({ label }) => label))].filter((label) => !known.has(label));
}

function withoutDirection(name: string, labels: readonly string[]): string {
  const shown = firstFew(labels.map((label) => JSON.stringify(label)));
  const [are, have] = labels.length === 1 ? ['label is', 'has'] : ['labels are', 'have'];
  return `${labels.length} ${are} newer than the build, and ${have} no direction of ${labels.length === 1 ? 'its' : 'their'} own until \`fungi indexes refit ${name}\`: ${shown}`;
}
