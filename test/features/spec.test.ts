/** Settings and their fingerprint: those that came later leave what was written before them as it was. */
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { fingerprint } from '../../src/core/fingerprint.js';
import { FEATURE_SPEC_SCHEMAS, featureSpec, type FeatureOptions } from '../../src/features/spec.js';

const digest = (options: FeatureOptions): string => fingerprint(featureSpec(options));

function refusal(options: unknown): string {
  try {
    featureSpec(options as FeatureOptions);
  } catch (error) {
    if (FungiError.is(error, 'INVALID_ARGUMENT')) return error.message;
    throw error;
  }
  throw new Error('the settings were taken');
}

/** As manifests hold it that were written before heads and entries could be chosen, to the order of its keys. */
const BEFORE =
  '{"mode":"paper","seed":0,"losses":[{"name":"kl","temperature":15,"latent":768,"weight":1},' +
  '{"name":"simclr","temperature":0.07,"latent":256,"views":12,"negativeItems":256,"negativeViews":2,"deletion":0.1,"weight":1}],' +
  '"projection":{"kind":"nystrom","landmarks":1024,"rank":1},"embeddingWeight":1}';
const BEFORE_DIGEST = '9d191e3151326220e2031f2d87dc5330d53421a64925719874b08fd5e5d20c63';
const DENSE_DIGEST = 'ce88df56373a654a446fa3342aaa4d76381eea8366123cf8a85ead2dfd9b1302';

describe('a specification written before heads and entries could be chosen', () => {
  it('is what the defaults still are, to the byte', () => {
    const spec = featureSpec({ losses: [{ name: 'kl' }, { name: 'simclr' }] });
    expect(JSON.stringify(spec)).toBe(BEFORE);
    expect(fingerprint(spec)).toBe(BEFORE_DIGEST);
    expect(digest({ projection: { kind: 'dense', width: 5 } })).toBe(DENSE_DIGEST);
  });

  it('is read, and is the same as one that spells the defaults out', () => {
    expect(JSON.stringify(FEATURE_SPEC_SCHEMAS.text.parse(JSON.parse(BEFORE)))).toBe(BEFORE);
    const spelled: FeatureOptions = {
      losses: [
        { name: 'kl', head: 'linear', normalise: true, latent: 768 },
        { name: 'simclr', head: 'linear', normalise: false, latent: 256 },
      ],
    };
    expect(digest(spelled)).toBe(BEFORE_DIGEST);
    expect(digest({ projection: { kind: 'dense', width: 5, entries: 'binary' } })).toBe(DENSE_DIGEST);
  });
});

describe('a specification of DINO written before its augmentation could be chosen', () => {
  const DINO_DIGEST = '2c96fc7383c7f58df21af0235bc3610e11537f49281fb9387bf303a54cec10eb';
  const digestOf = (augmentation?: 'crops' | 'standard'): string =>
    fingerprint(featureSpec({ losses: [{ name: 'dino', ...(augmentation && { augmentation }) }] }, 'image'));

  it('has the fingerprint that it had, spelled out or not, and another augmentation another', () => {
    expect(digestOf()).toBe(DINO_DIGEST);
    expect(digestOf('crops')).toBe(DINO_DIGEST);
    expect(digestOf('standard')).not.toBe(DINO_DIGEST);
    const spec = featureSpec({ losses: [{ name: 'dino', augmentation: 'standard' }] }, 'image');
    expect(FEATURE_SPEC_SCHEMAS.image.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });
});

describe('a setting that is not the default', () => {
  const variants: readonly FeatureOptions[] = [
    { losses: [{ name: 'kl' }] },
    { losses: [{ name: 'kl', head: 'none' }] },
    { losses: [{ name: 'kl', normalise: false }] },
    { losses: [{ name: 'kl', head: 'none', normalise: false }] },
    { losses: [{ name: 'simclr' }] },
    { losses: [{ name: 'simclr', head: 'none' }] },
    { losses: [{ name: 'simclr', normalise: true }] },
    ...(['binary', 'gaussian', 'sparse'] as const).map(
      (entries) => ({ projection: { kind: 'dense', entries } }) as const,
    ),
  ];

  it('makes another fingerprint', () => {
    expect(new Set(variants.map(digest)).size).toBe(variants.length);
  });

  it('is kept by writing and reading', () => {
    for (const options of variants) {
      const spec = featureSpec(options);
      expect(FEATURE_SPEC_SCHEMAS.text.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    }
  });

  it('makes none where it changes nothing: SimCLR without a head brings its latents to unit length anyway', () => {
    const without = digest({ losses: [{ name: 'simclr', head: 'none' }] });
    for (const normalise of [true, false])
      expect(digest({ losses: [{ name: 'simclr', head: 'none', normalise }] })).toBe(without);
  });
});

describe('bad settings', () => {
  it.each<[unknown, RegExp]>([
    [{ losses: [{ name: 'kl', head: 'none', latent: 8 }] }, /width of a head.*losses\[0\]\.latent/s],
    [{ losses: [{ name: 'simclr', head: 'none', latent: 8 }] }, /width of a head.*losses\[0\]\.latent/s],
    [{ losses: [{ name: 'kl', head: 'mlp' }] }, /"linear"\|"none".*losses\[0\]\.head/s],
    [{ losses: [{ name: 'kl', normalise: 'yes' }] }, /boolean.*losses\[0\]\.normalise/s],
    [{ losses: [{ name: 'kl', heads: 'none' }] }, /"heads".*losses\[0\]/s],
    [{ losses: [{ name: 'byol' }] }, /'kl' \| 'simclr'.*losses\[0\]\.name/s],
    [{ losses: [{ name: 'ibot' }] }, /ibot is a loss of images, and this encoder reads texts/],
    [{ losses: [{ name: 'dino' }] }, /dino is a loss of images, and this encoder reads texts/],
    [{ projection: { kind: 'dense', entries: 'ternary' } }, /"binary"\|"gaussian"\|"sparse".*projection\.entries/s],
    [{ projection: { kind: 'khatri-rao', entries: 'sparse' } }, /"entries".*projection/s],
    ...[0, -1, NaN, Infinity, '15'].map((temperature): [unknown, RegExp] => [
      { losses: [{ name: 'kl', temperature }] },
      /losses\[0\]\.temperature/,
    ]),
    ...[1, 0, 2.5, 'two'].map((views): [unknown, RegExp] => [
      { losses: [{ name: 'simclr', views }] },
      /losses\[0\]\.views/,
    ]),
    [{ losses: [{ name: 'kl', views: 2 }] }, /"views".*losses\[0\]/s],
    [{ losses: [{ name: 'kl' }, { name: 'kl' }] }, /named twice/],
  ])('%j are refused, naming the setting', (options, message) => {
    expect(refusal(options)).toMatch(message);
  });
});
