/** What `fungi eval segment` prints. */
import { mean } from 'simple-statistics';
import type { Grid } from '../eval/segment/patch-grid.js';
import type { EncoderSpec } from '../store/manifest.js';
import { counted, percent, table } from './output.js';

export interface SegmentReport {
  /** Of each feature set and seed. */
  readonly results: readonly SegmentResult[];
  readonly data: { readonly train: number; readonly test: number; readonly classes: readonly string[] };
  readonly settings: {
    readonly tiles: number;
    /** Most patches of a bank. */
    readonly bank: number;
    readonly k: number;
    readonly temperature: number;
    readonly ignore: number;
  };
  readonly encoder: EncoderSpec;
  /** What pictures are brought to, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Patches of a picture. */
  readonly grid: Grid;
  /** Side of a patch, in pixels. */
  readonly patch: number;
  readonly fingerprint: string;
}

export interface SegmentResult {
  readonly features: string;
  readonly seed: number;
  /** Patches of the bank. */
  readonly bank: number;
  readonly meanIou: number;
  /** With classes renamed for the greatest sum. */
  readonly matchedMeanIou: number;
  /** By name; null for a class that is in neither truth nor prediction. */
  readonly perClass: Readonly<Record<string, number | null>>;
}

export function segmentText({
  encoder,
  data,
  settings,
  results,
  size,
  grid,
  patch,
  fingerprint,
}: SegmentReport): string {
  const { tiles, k, temperature } = settings;
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  const bank = Math.max(...results.map((each) => each.bank));
  const cut = `${tiles} × ${tiles} ${tiles === 1 ? 'tile' : 'tiles'} of ${size.width / tiles} × ${size.height / tiles} pixels`;
  const method = [
    `${counted(data.train, 'training picture')} and ${data.test} to segment`,
    `${cut}, ${grid.rows} × ${grid.columns} patches of ${patch}`,
    `a bank of ${bank} patches, k = ${k}, temperature ${temperature}`,
  ];
  const names = [...new Set(results.map(({ features }) => features))];
  const of = (name: string) => results.filter(({ features }) => features === name);
  const range = (values: readonly number[]): string =>
    values.length === 1 ? percent(values[0]!) : `${percent(mean([...values]))} (${values.map(percent).join(', ')})`;
  const columns = [{ title: 'IoU %' }, ...names.map((title) => ({ title, align: 'right' as const }))];
  const rows = [
    ['mean', ...names.map((name) => range(of(name).map(({ meanIou }) => meanIou)))],
    ['mean, matched', ...names.map((name) => range(of(name).map(({ matchedMeanIou }) => matchedMeanIou)))],
    ...data.classes.map((label) => [
      label,
      ...names.map((name) => {
        const there = of(name).flatMap(({ perClass }) => perClass[label] ?? []);
        return there.length === 0 ? '' : percent(mean(there));
      }),
    ]),
  ];
  return [
    `${encoder.id}: ${method.join('; ')}; ${counted(seeds, 'seed')}`,
    table(columns, rows),
    `fingerprint: ${fingerprint}`,
  ].join('\n');
}
