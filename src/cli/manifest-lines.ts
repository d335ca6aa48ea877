/** An index's manifest for people. */
import type { FeatureSpec } from '../features/spec.js';
import type { Manifest, PcaFacts, ReducerFacts } from '../store/manifest.js';
import { itemNoun } from './nouns.js';
import { percent } from './output.js';

/** @param rows how many there are now; null when that cannot be read */
export function manifestLines(
  manifest: Manifest,
  rows: number | null = manifest.rows,
): [name: string, value: string][] {
  const { encoder, reducer } = manifest;
  const { losses, mode, projection, seed } = manifest.features as unknown as FeatureSpec;
  return [
    ['rows', rowsLine(manifest, rows)],
    ['encoder', encoderLine(encoder)],
    ['features', ['embedding', ...losses.map(({ name }) => name)].join(' + ')],
    ...(losses.length === 0
      ? []
      : [
          ['target', encoder.target] as [string, string],
          ['settings', `mode ${mode}, projection ${projection.kind}, seed ${seed}`] as [string, string],
        ]),
    ['reduced to', `${reducer.dims} dimensions${reductionLine(reducer, manifest.rows)}`],
    ...supervisedLines(reducer),
    ...choiceLines(manifest),
    ...confidenceLines(manifest),
    ['metric', manifest.metric],
    [`cut ${itemNoun(encoder)}s`, String(manifest.truncatedTexts)],
    ['fingerprint', manifest.fingerprint],
    ['built', `${manifest.createdAt}, fungi-icl ${manifest.libraryVersion}`],
  ];
}

function encoderLine({ id, file, precision, pooling, modelSha256 }: Manifest['encoder']): string {
  const details = [file, precision, `${pooling} pooling`, `sha256 ${modelSha256.slice(0, 12)}`];
  return `${id} (${details.filter((detail) => typeof detail === 'string').join(', ')})`;
}

function reductionLine(reducer: ReducerFacts, rows: number): string {
  if (reducer.kind === 'none') return ', as the features are';
  if (reducer.kind === 'lda') return ' by LDA';
  if (reducer.kind === 'pca') return `${pcaLine(reducer, rows)}${instead(reducer)}`;
  const { supervised, unsupervised } = reducer;
  return `: ${supervised} by LDA, ${unsupervised.dims}${pcaLine(unsupervised, rows)}`;
}

const instead = ({ instead }: Extract<ReducerFacts, { kind: 'pca' }>): string =>
  instead === undefined ? '' : ` (${instead.why})`;

/** A PCA is left out where its width is not below the rows and below the features' own width, whichever is less. */
function pcaLine({ centredOnly, dims, explained }: PcaFacts, rows: number): string {
  if (!centredOnly) return ` by PCA, ${percent(explained ?? 0)} % of the variance`;
  return `, centred only: ${rows <= dims ? `${rows} rows are too few for a PCA` : 'the features are narrow enough without a PCA'}`;
}

function supervisedLines(reducer: ReducerFacts): [name: string, value: string][] {
  if (reducer.kind !== 'lda' && reducer.kind !== 'blend') return [];
  const { value, chosen, scores } = reducer.shrinkage;
  const right = scores.find(({ shrinkage }) => shrinkage === value)?.accuracy;
  const how = right === undefined ? '' : `: ${percent(right)} % right on held-out examples`;
  return [
    ['shrinkage', `${value}, ${chosen}${how}`],
    ...(reducer.kind === 'blend'
      ? [
          ['shares', `of the LDA: ${reducer.shares.selection} to choose, ${reducer.shares.vote} to vote`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
}

/** What was chosen on the examples, and what it is expected to bring. */
function choiceLines({ auto }: Manifest): [name: string, value: string][] {
  if (auto?.choice === undefined) return [];
  const { tried, losses, voters, expected, queryMs } = auto.choice;
  const { difference, low, high } = expected.gain;
  const points = (share: number): string => `${share < 0 ? '' : '+'}${percent(share)}`;
  const names = losses.length === 0 ? 'the embedding' : `${losses.join(' and ')} beside the embedding`;
  return [
    ['chosen', `${names}${tried.length > losses.length ? ` (tried ${tried.join(', ')})` : ''}, ${voters} to vote`],
    [
      'expected',
      `${percent(expected.accuracy)} % right by vote, the plain embedding ${percent(expected.embedding)} % (${points(difference)}, 95 % interval ${points(low)} to ${points(high)}, ${expected.rows} held-out examples)`,
    ],
    [
      `label among ${expected.shown}`,
      `${percent(expected.labelHit)} % of held-out examples, by the plain embedding ${percent(expected.embeddingLabelHit)} %`,
    ],
    ['a query takes', `${queryMs.chosen.toFixed(1)} ms, the plain embedding ${queryMs.embedding.toFixed(1)} ms`],
  ];
}

/** How far its likeliest label is to be trusted. */
function confidenceLines({ auto }: Manifest): [name: string, value: string][] {
  if (auto?.confidence === undefined) return [];
  const { rows, unscored, accuracy, error } = auto.confidence;
  const beside = unscored === 0 ? '' : `; not counted: ${unscored} whose label no other example has`;
  return [
    [
      'confidence',
      `likeliest label right for ${percent(accuracy)} % of ${rows} held-out examples; calibration error ${error.calibrated.toFixed(3)}, of shares of the vote ${error.shares.toFixed(3)}${beside}`,
    ],
  ];
}

/** Rows come and go; the manifest tells of the build. */
function rowsLine({ rows: built, labels }: Manifest, rows: number | null): string {
  if (rows === built) return `${rows}, ${labels.length} labels`;
  return `${rows ?? 'unreadable now'} (when it was built: ${built}, ${labels.length} labels)`;
}
