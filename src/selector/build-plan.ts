/** What a build depends on, as one digest: features computed under another plan are never taken for those of this one. */
import { fingerprintLines, type Json } from '../core/fingerprint.js';
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

/** sha256, hex. */
export function planFingerprint({ encoder, features, examples, libraryVersion = LIBRARY_VERSION }: BuildPlan): string {
  const settings = { libraryVersion, encoder: { ...encoder, id: undefined }, features: features as unknown as Json };
  return fingerprintLines(lines(settings, examples));
}

function* lines(settings: Json, examples: readonly Example[]): Iterable<Json> {
  yield settings;
  for (const { id, input, label, metadata } of examples) yield { id, input, label, metadata };
}
