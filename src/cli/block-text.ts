/** What `--explain-blocks` adds to an explanation. */
import type { ExplainedExample } from '../policies/explanation.js';
import type { Manifest } from '../store/manifest.js';
import { table, type Column } from './output.js';

/**
 * A line an example; undefined where none was split.
 *
 * @param index what it was built with: where there is but one block, why
 */
export function blockTable(chosen: readonly ExplainedExample[], index: Manifest): string | undefined {
  const split = chosen.flatMap(({ rank, split: own }) => (own === undefined ? [] : [{ rank, ...own }]));
  const [first] = split;
  if (first === undefined) return undefined;
  const titles = ['rank', 'before', 'after', 'residual', ...first.blocks.map(({ block }) => block)];
  const columns = titles.map((title): Column => ({ title, align: 'right' }));
  const rows = split.map(({ rank, before, after, residual, blocks }) => [
    ...[String(rank), before.toFixed(4), after.toFixed(4), residual.toFixed(4)],
    ...blocks.map((block) => `${block.before.toFixed(4)} → ${block.after.toFixed(4)} #${block.rank}`),
  ]);
  const heading = 'by block (squared under l2, else 1 − cosine): before → after reduction, # rank by that block alone:';
  return [heading, table(columns, rows), ...(first.blocks.length === 1 ? [loneBlock(index)] : [])].join('\n');
}

/** Why there is no block but the embedding. */
function loneBlock({ auto }: Manifest): string {
  const tried = auto?.choice?.tried ?? [];
  if (tried.length === 0) return 'There is one block only: the index was built without gradients.';
  return `There is one block only: the build tried ${tried.join(' and ')} too, and chose the embedding alone.`;
}
