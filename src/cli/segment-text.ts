/** What `fungi eval segment` prints. */
import type { Interval } from '../core/wilson.js';
import type { SegmentSummary } from '../eval/segment/segment-report.js';
import type { Grid } from '../views/token-grid.js';
import type { EncoderSpec } from '../store/manifest.js';
import { counted, percent, table } from './output.js';

export interface SegmentReport {
  /** Of each feature set and seed. */
  readonly results: readonly SegmentResult[];
  /** Of each feature set, over the seeds. */
  readonly summary: readonly SegmentSummary[];
  readonly data: { readonly train: number; readonly test: number; readonly classes: readonly string[] };
  readonly settings: {
    readonly tiles: number;
    /** Most patches of a bank. */
    readonly bank: number;
    readonly augmentationEpochs: number;
    readonly k: number;
    readonly temperature: number;
    readonly ignore: number;
    readonly mode: string;
    readonly projection: string;
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

export function segmentText(report: SegmentReport): string {
  const { encoder, data, summary, fingerprint } = report;
  const later = summary.flatMap(({ features, gain }) => (gain === undefined ? [] : [{ features, gain }]));
  const columns = [
    { title: 'IoU %' },
    ...summary.map(({ features }) => ({ title: features, align: 'right' as const })),
    ...later.map(({ features }) => ({ title: `gain of ${features}`, align: 'right' as const })),
  ];
  const rows = [
    ['mean', ...summary.map(({ mean }) => shown(mean.iou, mean)), ...later.map(({ gain }) => gained(gain.mean))],
    ['mean, matched', ...summary.map(({ matchedMeanIou }) => percent(matchedMeanIou)), ...later.map(() => '')],
    ...data.classes.map((name) => [
      name,
      ...summary.map(({ perClass }) => (perClass[name] ? shown(perClass[name].iou, perClass[name]) : '')),
      ...later.map(({ gain: { perClass } }) => (perClass[name] ? gained(perClass[name]) : '')),
    ]),
  ];
  const over = later.length === 0 ? '' : `; gain: over ${later[0]!.gain.over}, paired by picture`;
  return [
    `${encoder.id}: ${method(report)}`,
    table(columns, rows),
    `in brackets: 95 % intervals over the test pictures${over}`,
    `fingerprint: ${fingerprint}`,
  ].join('\n');
}

function method({ data, settings, results, size, grid, patch }: SegmentReport): string {
  const { tiles, k, temperature, augmentationEpochs: epochs } = settings;
  const bank = Math.max(...results.map((each) => each.bank));
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  const of = epochs === 0 ? '' : ` of ${epochs} augmented ${epochs === 1 ? 'copy' : 'copies'} of each picture`;
  return [
    `${counted(data.train, 'training picture')} and ${data.test} to segment`,
    `${tiles} × ${tiles} ${tiles === 1 ? 'tile' : 'tiles'} of ${size.width / tiles} × ${size.height / tiles} pixels, ${grid.rows} × ${grid.columns} patches of ${patch}`,
    `a bank of ${bank} patches${of}, k = ${k}, temperature ${temperature}`,
    counted(seeds, 'seed'),
  ].join('; ');
}

const shown = (value: number, { low, high }: Interval): string =>
  `${percent(value)} (${percent(low)} to ${percent(high)})`;

const gained = ({ difference, low, high }: Interval & { readonly difference: number }): string =>
  `${signed(difference)} (${signed(low)} to ${signed(high)})`;

const signed = (value: number): string => `${value < 0 ? '' : '+'}${percent(value)}`;
