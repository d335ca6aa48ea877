/** What `fungi eval ablate` tells people: what was found, and a table, for a terminal or for Markdown. */
import {
  ablationTable,
  type AblationReport,
  type AblationReportOptions,
  type AblationTable,
} from '../eval/ablate/ablation-report.js';
import type { DataCounts } from '../eval/data/data-counts.js';
import { dataLines } from './classify-text.js';
import { counted, oneLine, table } from './output.js';

interface ShownReport extends AblationReport {
  readonly encoder: { readonly id: string };
  readonly data: DataCounts;
  readonly fingerprint: string;
  readonly loss: string;
  readonly seeds: readonly number[];
  readonly k: number;
  /** What all levels have, "reducer=none". */
  readonly common: readonly string[];
}

export interface AblateTextOptions extends AblationReportOptions {
  readonly markdown: boolean;
}

export function ablateText(report: ShownReport, options: AblateTextOptions): string {
  const { encoder, data, loss, seeds, k, common, comparisons } = report;
  const method = [
    ...[`gradient of ${loss}`, `k = ${k}`, ...common],
    ...[
      `${data.train} training rows`,
      `${data.test} test rows`,
      `${data.labels} labels`,
      counted(seeds.length, 'seed'),
    ],
  ];
  const found = ablationTable(report, options);
  const legend = `* default setting; difference from it, p two-sided, corrected for ${counted(comparisons, 'comparison')}`;
  const shown = options.markdown ? markdownTable(found) : plainTable(found, options);
  return [
    ...report.findings.map((finding) => (options.markdown ? `- ${escaped(finding)}` : finding)),
    '',
    `${encoder.id}: ${method.join(', ')}`,
    ...(options.markdown ? ['', shown, ''] : [shown]),
    options.markdown ? escaped(legend) : legend,
    ...report.failed.map(({ level, code, message }) => `failed: ${level} [${code}]: ${oneLine(message)}`),
    ...dataLines(data, encoder),
    `fingerprint: ${report.fingerprint}`,
  ].join('\n');
}

function plainTable({ titles, rows }: AblationTable, { factors, crossed }: AblationReportOptions): string {
  // Levels and the feature set's name are words.
  const words = (crossed ? factors.length : 2) + 1;
  return table(
    titles.map((title, i) => ({ title, align: i < words ? ('left' as const) : ('right' as const) })),
    rows,
  );
}

function markdownTable({ titles, rows }: AblationTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => escaped(oneLine(cell))).join(' | ')} |`;
  const full = rows.map((row) => titles.map((_, i) => row[i] ?? ''));
  return [line(titles), line(titles.map(() => '---')), ...full.map(line)].join('\n');
}

const escaped = (text: string): string => text.replace(/[|*_]/g, (sign) => `\\${sign}`);
