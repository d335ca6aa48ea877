/** The tiny audio models of the media fixtures, in folders as a hub would hold them. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  loadAudioEncoder,
  type AudioEncoderOptions,
  type AudioEncoderSource,
} from '../../../src/encoders/audio-encoder.js';
import { resolveModel } from '../../../src/encoders/sources/resolve.js';
import { readConfig } from '../../../src/core/config.js';
import { fixture } from '../../support/golden.js';

const SPEECH = { conv_kernel: [10, 3], conv_stride: [5, 2] };

/** preprocessor_config.json and config.json of each, for the sizes that make_media_families.py gave the model. */
export const TINY = {
  whisper: [
    { feature_extractor_type: 'WhisperFeatureExtractor', feature_size: 6, hop_length: 800, chunk_length: 1 },
    { model_type: 'whisper', max_source_positions: 10 },
  ],
  ast: [
    { feature_extractor_type: 'ASTFeatureExtractor', max_length: 20, num_mel_bins: 14 },
    { model_type: 'audio-spectrogram-transformer', patch_size: 8, frequency_stride: 6, time_stride: 6 },
  ],
  wav2vec2: [{ feature_extractor_type: 'Wav2Vec2FeatureExtractor' }, { model_type: 'wav2vec2', ...SPEECH }],
  hubert: [
    { feature_extractor_type: 'Wav2Vec2FeatureExtractor' },
    { model_type: 'hubert', feat_extract_norm: 'layer', ...SPEECH },
  ],
  'hubert-masked': [
    { feature_extractor_type: 'Wav2Vec2FeatureExtractor', return_attention_mask: true },
    { model_type: 'hubert', feat_extract_norm: 'layer', ...SPEECH },
  ],
} as const;
export type Tiny = keyof typeof TINY;

export async function tinyFolder(root: string, name: Tiny): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await copyFile(fixture(`media/${name}/model.onnx`), join(folder, 'model.onnx'));
  const [extractor, model] = TINY[name];
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(extractor));
  await writeFile(join(folder, 'config.json'), JSON.stringify(model));
  return folder;
}

export async function loadFolder(
  folder: string,
  options: Partial<AudioEncoderOptions> = {},
): Promise<AudioEncoderSource> {
  const cacheDir = join(folder, 'cache');
  const files = await resolveModel(folder, { ...readConfig({}), cacheDir, offline: true });
  return loadAudioEncoder(files, { cacheDir, ...options });
}

export const loadTiny = async (root: string, name: Tiny, options: Partial<AudioEncoderOptions> = {}) =>
  loadFolder(await tinyFolder(root, name), options);
