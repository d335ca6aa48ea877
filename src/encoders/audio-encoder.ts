/** An audio encoder ready for the engine: model file, how sounds become its input, pooling. */
import { contentKey, type Clip, type View } from '../core/content.js';
import { FungiError } from '../core/errors.js';
import { fingerprint, type Json } from '../core/fingerprint.js';
import { declaredInputs } from '../onnx/value-info.js';
import { AstInput } from './audio/ast-input.js';
import { AUDIO_LIMITS, openClips } from './audio/clip.js';
import { FeatureCache } from './audio/feature-cache.js';
import type { AudioInput } from './audio/input.js';
import { readAudioSettings, type AudioSettings } from './audio/settings.js';
import { WaveformInput } from './audio/waveform-input.js';
import { WhisperInput } from './audio/whisper-input.js';
import { modelIdentity } from './digests.js';
import type { Encoder, Pooling, Prepared } from './encoder.js';
import { mediaDigests } from './media/read-media.js';
import type { ModelFiles } from './sources/model-files.js';
import type { SourceOptions } from './sources/options.js';

export interface AudioEncoderOptions extends Pick<SourceOptions, 'cacheDir'> {
  /** @default by family: the mean; of AST `mean:0:2`, its two class tokens (`mean:2:` are its patches) */
  readonly pooling?: Pooling | undefined;
  /** Of the data set's log-mel spectrogram, for AST. @default what preprocessor_config.json says */
  readonly mean?: number | undefined;
  readonly std?: number | undefined;
  /** What an encoder of samples hears of a clip. @default 30 */
  readonly maxSeconds?: number | undefined;
}

/** A view of a clip, not turned into the model's input yet. */
export interface PreparedClip extends Prepared {
  /** What the model reads of it, without padding. */
  render(): Promise<Float32Array>;
}

export interface AudioEncoderSource extends Encoder<PreparedClip>, Omit<ModelFiles, 'bytes' | 'unquantised'> {
  readonly settings: AudioSettings;
  /** Hz, of the clips that `open` gives. */
  readonly sampleRate: number;
  /** sha256 of each item's bytes. @throws {FungiError} FILE_NOT_FOUND naming all that are missing; INVALID_MEDIA */
  identify(items: readonly string[]): Promise<readonly string[]>;
}

/**
 * Reads what surrounds an audio model.
 *
 * @throws {FungiError} MODEL_CORRUPT for a preprocessor_config.json that is missing or damaged; MODEL_UNSUPPORTED for one of another
 *   kind; INVALID_ARGUMENT for a mean, std or maxSeconds that cannot be
 */
export async function loadAudioEncoder(files: ModelFiles, options: AudioEncoderOptions): Promise<AudioEncoderSource> {
  const settings = normalised(await readAudioSettings(files.folder), options);
  const { maxSeconds = DEFAULT_SECONDS } = options;
  const input = await inputOf(settings, maxSeconds);
  const { pooling = input.pooling } = options;
  const { sampleRate, maxSamples, maxTokens } = input;
  const cache = new FeatureCache(CACHE_BYTES);
  const features = (clip: Clip): Promise<Float32Array> =>
    cache.get(contentKey(clip), () => input.features(clip.samples));
  const prepared = (view: View): PreparedClip => {
    const clip = clipOf(view);
    const render = async (): Promise<Float32Array> =>
      typeof view !== 'string' && 'kind' in view && view.kind === 'noise'
        ? input.noisy(await features(clip), view)
        : features(clip);
    return { ...input.size(clip.samples.length), truncated: clip.truncated, render };
  };
  const probes = probeClips(input);
  return {
    id: files.id,
    modality: 'audio',
    folder: files.folder,
    ...(await modelIdentity(files, options.cacheDir)),
    weightFiles: files.weightFiles,
    source: files.source,
    licence: files.licence,
    preprocessorSha256: fingerprint({ recipe: RECIPE, maxSamples, settings: settings as unknown as Json }),
    settings,
    sampleRate,
    pooling,
    maxTokens,
    ...(mixesPadding(files.modelPath, settings) && { alone: true }),
    identify: (items) => mediaDigests(items, AUDIO_LIMITS),
    open: (items) => openClips(items, { sampleRate, maxSamples }),
    prepare: (views) => views.map(prepared),
    probe: () => [prepared(probes[0]), prepared(probes[1])],
    collate: async (batch, inputNames) =>
      input.feeds(await Promise.all(batch.map((clip) => clip.render())), inputNames),
  };
}

/** Counts up when the way from a file to the model's input changes: features do then. */
const RECIPE = 1;
/** wav2vec2 and HuBERT take a clip of any length, and memory that grows with its square. */
const DEFAULT_SECONDS = 30;
/** Of spectrograms kept for the views of a clip: about 30 of Whisper's. */
const CACHE_BYTES = 32 * 2 ** 20;

/** With the mean and spread of the caller's data set. @throws {FungiError} INVALID_ARGUMENT */
function normalised(settings: AudioSettings, { mean, std, maxSeconds }: AudioEncoderOptions): AudioSettings {
  const { extractor } = settings;
  if (maxSeconds !== undefined && !(maxSeconds > 0 && maxSeconds <= AUDIO_LIMITS.maxSeconds))
    throw new FungiError(
      'INVALID_ARGUMENT',
      `maxSeconds ${maxSeconds}: must be above 0 and up to ${AUDIO_LIMITS.maxSeconds}`,
    );
  if (maxSeconds !== undefined && extractor.feature_extractor_type !== 'Wav2Vec2FeatureExtractor') {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `maxSeconds is for encoders of samples; a ${extractor.feature_extractor_type} has a fixed length`,
    );
  }
  if (mean === undefined && std === undefined) return settings;
  if (extractor.feature_extractor_type !== 'ASTFeatureExtractor')
    throw new FungiError('INVALID_ARGUMENT', `mean and std are AST's; this is a ${extractor.feature_extractor_type}`);
  if ((std !== undefined && !(std > 0 && std < Infinity)) || (mean !== undefined && !Number.isFinite(mean)))
    throw new FungiError(
      'INVALID_ARGUMENT',
      `mean ${mean ?? 'unset'}, std ${std ?? 'unset'}: must be numbers, std above 0`,
    );
  return {
    ...settings,
    extractor: {
      ...extractor,
      do_normalize: true,
      ...(mean !== undefined && { mean }),
      ...(std !== undefined && { std }),
    },
  };
}

function inputOf({ extractor, model }: AudioSettings, maxSeconds: number): Promise<AudioInput> {
  switch (extractor.feature_extractor_type) {
    case 'WhisperFeatureExtractor':
      return WhisperInput.load(extractor, model);
    case 'ASTFeatureExtractor':
      return AstInput.load(extractor, model);
    case 'Wav2Vec2FeatureExtractor':
      return WaveformInput.load(extractor, model, maxSeconds);
  }
}

/**
 * Whether a clip's numbers change when zeros follow it up to the length of a longer one: without a mask attention reads them, and
 * group normalisation, wav2vec2-base's, takes its mean over them even so.
 */
function mixesPadding(modelPath: string, { extractor, model }: AudioSettings): boolean {
  if (extractor.feature_extractor_type !== 'Wav2Vec2FeatureExtractor') return false;
  return (
    model.feat_extract_norm === 'group' || !declaredInputs(modelPath).some(({ name }) => name === 'attention_mask')
  );
}

/** @throws {FungiError} INVALID_ARGUMENT for a view of something else */
function clipOf(view: View): Clip {
  const content = typeof view === 'string' || 'modality' in view ? view : view.of;
  if (typeof content !== 'string' && content.modality === 'audio') return content;
  const modality = typeof content === 'string' ? 'text' : content.modality;
  throw new FungiError('INVALID_ARGUMENT', `expected a sound, got ${modality}`);
}

/** Two sounds that no file is needed for: a second at most, half of it a tone, alone and with another behind it. */
function probeClips({ sampleRate, maxSamples }: AudioInput): readonly [Clip, Clip] {
  const long = Math.min(sampleRate, maxSamples);
  const half = Math.ceil(long / 2);
  const samples = Float32Array.from({ length: long }, (_, i) => {
    const hertz = i < half ? 330 : 740;
    return 0.4 * Math.sin((2 * Math.PI * hertz * i) / sampleRate) * Math.cos((2 * Math.PI * 3 * i) / sampleRate);
  });
  const clip = (length: number): Clip => ({
    modality: 'audio',
    digest: `probe ${length} ${sampleRate}`,
    samples: samples.slice(0, length),
    truncated: false,
  });
  return [clip(half), clip(long)];
}
