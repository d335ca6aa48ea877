/** What a build depends on, as one digest: features computed under another plan are never taken for those of this one. */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../core/fingerprint.js';
import type { Example } from '../core/item.js';
import { LIBRARY_VERSION } from '../core/version.js';
import type { FeatureSpec } from '../features/spec.js';
import type { EncoderSpec } from '../store/manifest.js';

export interface BuildPlan {
  readonly encoder: EncoderSpec;
  readonly features: FeatureSpec;
  readonly examples: readonly Example[];
  /** A fix of the algorithm changes features under the same settings. @default this version */
  readonly libraryVersion?: string;
}

/** sha256, hex. Example by example, since the JSON of a large pool is longer than a string may be. */
export function planFingerprint({ encoder, features, examples, libraryVersion = LIBRARY_VERSION }: BuildPlan): string {
  const hash = createHash('sha256');
  const settings = { libraryVersion, encoder: { ...encoder, id: undefined }, features: features as unknown as Json };
  hash.update(canonicalJson(settings));
  // JSON holds no bare newline, so that no two lists of examples give the same lines.
  for (const { id, input, label, metadata } of examples) {
    hash.update(`\n${canonicalJson({ id, input, label, metadata })}`);
  }
  return hash.digest('hex');
}
