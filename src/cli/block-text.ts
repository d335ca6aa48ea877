/** What `--explain-blocks` adds to an explanation. */
import type { ExplainedExample } from '../policies/explanation.js';
import { table, type Column } from './output.js';

/** A line an example; undefined where none was split. */
export function blockTable(chosen: readonly ExplainedExample[]): string | undefined {
  const split = chosen.flatMap(({ rank, split: own }) => (own === undefined ? [] : [{ rank, ...own }]));
  const [first] = split;
  if (first === undefined) return undefined;
  const titles = ['rank', 'before', 'after', 'residual', ...first.blocks.map(({ block }) => block)];
  const columns = titles.map((title): Column => ({ title, align: 'right' }));
  const rows = split.map(({ rank, before, after, residual, blocks }) => [
    ...[String(rank), before.toFixed(4), after.toFixed(4), residual.toFixed(4)],
    ...blocks.map((block) => `${block.before.toFixed(4)} → ${block.after.toFixed(4)} #${block.rank}`),
  ]);
  return `by block (squared under l2, else 1 − cosine): before → after reduction, # rank by that block alone:\n${table(columns, rows)}`;
}
