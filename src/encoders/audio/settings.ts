/** What the files beside an audio model say of its input: preprocessor_config.json and config.json. Nothing is fetched. */
import { join } from 'node:path';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import { readJsonFile } from '../json-file.js';
import { PREPROCESSOR_FILE, readPreprocessorFile } from '../preprocessor-file.js';

const size = z.int().positive();

/** Defaults are those of transformers' WhisperFeatureExtractor. */
const whisperSchema = z.looseObject({
  feature_extractor_type: z.literal('WhisperFeatureExtractor'),
  sampling_rate: size.default(16_000),
  feature_size: size.default(80),
  hop_length: size.default(160),
  chunk_length: size.default(30),
  n_fft: size.default(400),
});

/** Of transformers' ASTFeatureExtractor: mean and standard deviation are AudioSet's. */
const astSchema = z.looseObject({
  feature_extractor_type: z.literal('ASTFeatureExtractor'),
  sampling_rate: size.default(16_000),
  num_mel_bins: size.default(128),
  max_length: size.default(1024),
  do_normalize: z.boolean().default(true),
  mean: z.number().default(-4.2677393),
  std: z.number().positive().default(4.5689974),
});

/** Of transformers' Wav2Vec2FeatureExtractor. */
const waveformSchema = z.looseObject({
  feature_extractor_type: z.literal('Wav2Vec2FeatureExtractor'),
  sampling_rate: size.default(16_000),
  do_normalize: z.boolean().default(true),
});

const extractorSchema = z.discriminatedUnion('feature_extractor_type', [whisperSchema, astSchema, waveformSchema]);

/** Defaults are Wav2Vec2Config's and ASTConfig's. */
const modelSchema = z.looseObject({
  model_type: z.string().default(''),
  max_source_positions: size.optional(),
  conv_kernel: z.array(size).min(1).default([10, 3, 3, 3, 3, 2, 2]),
  conv_stride: z.array(size).min(1).default([5, 2, 2, 2, 2, 2, 2]),
  feat_extract_norm: z.string().default('group'),
  patch_size: size.default(16),
  frequency_stride: size.default(10),
  time_stride: size.default(10),
});

export type WhisperSettings = z.infer<typeof whisperSchema>;
export type AstSettings = z.infer<typeof astSchema>;
export type WaveformSettings = z.infer<typeof waveformSchema>;
export type ModelSettings = z.infer<typeof modelSchema>;

export interface AudioSettings {
  readonly extractor: WhisperSettings | AstSettings | WaveformSettings;
  readonly model: ModelSettings;
}

const KNOWN = ['WhisperFeatureExtractor', 'ASTFeatureExtractor', 'Wav2Vec2FeatureExtractor'];

/** @throws {FungiError} MODEL_CORRUPT for a file that is missing or damaged; MODEL_UNSUPPORTED for another extractor */
export async function readAudioSettings(folder: string): Promise<AudioSettings> {
  const path = join(folder, PREPROCESSOR_FILE);
  const anySchema = z.looseObject({ feature_extractor_type: z.string().optional() });
  const found = await readPreprocessorFile(folder, anySchema, 'a sound');
  const type = found.feature_extractor_type;
  if (type === undefined || !KNOWN.includes(type)) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${path}: feature_extractor_type is ${type === undefined ? 'missing' : `"${type}"`}; known are ${KNOWN.join(', ')}`,
      { hint: 'Use an encoder of the families Whisper, AST, wav2vec2 or HuBERT.' },
    );
  }
  const extractor = await readPreprocessorFile(folder, extractorSchema, 'a sound');
  const model = (await readJsonFile(join(folder, 'config.json'), modelSchema)) ?? modelSchema.parse({});
  if (model.conv_kernel.length !== model.conv_stride.length) {
    throw new FungiError(
      'MODEL_CORRUPT',
      `${join(folder, 'config.json')}: conv_kernel has ${model.conv_kernel.length} layers, conv_stride ${model.conv_stride.length}`,
    );
  }
  return { extractor, model };
}

/** Settings as the files hold them, defaults filled in. @throws {z.ZodError} */
export const audioSettings = (extractor: unknown, model: unknown): AudioSettings => ({
  extractor: extractorSchema.parse(extractor),
  model: modelSchema.parse(model),
});
