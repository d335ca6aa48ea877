/** An index's manifest for people. */
import type { FeatureSpec } from '../features/spec.js';
import type { Manifest } from '../store/manifest.js';
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
    [
      'reduced to',
      reducer.centredOnly
        ? `${reducer.dims} dimensions, centred only: ${whyCentred(manifest)}`
        : `${reducer.dims} dimensions by PCA, ${percent(reducer.explained ?? 0)} % of the variance`,
    ],
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

/** A PCA is left out where its width is not below the rows and below the features' own width, whichever is less. */
const whyCentred = ({ rows, reducer }: Manifest): string =>
  rows <= reducer.dims ? `${rows} rows are too few for a PCA` : 'the features are narrow enough without a PCA';

/** Rows come and go; the manifest tells of the build. */
function rowsLine({ rows: built, labels }: Manifest, rows: number | null): string {
  if (rows === built) return `${rows}, ${labels.length} labels`;
  return `${rows ?? 'unreadable now'} (when it was built: ${built}, ${labels.length} labels)`;
}
