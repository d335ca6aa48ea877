/** Items of an audio encoder opened: read, decoded, one channel, at the encoder's sampling rate, no longer than it hears. */
import type { Clip } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import { sha256 } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import { nameOf, readMedia } from '../media/read-media.js';
import { declaredLength } from './declared-length.js';
import type { Declared } from './declared.js';
import { decode, type Decoded } from './decode.js';
import { FORMAT_NAMES, formatOf, type Format } from './format.js';
import { resample, resampledLength } from './resample.js';
import { unreadable, wavHeader } from './wav-header.js';

export const AUDIO_LIMITS = {
  /** Largest file: 10 minutes of a CD. */
  maxBytes: 100 * 2 ** 20,
  /** Longest sound, where the file states how long it is. */
  maxSeconds: 3600,
  /** Sampling rates that are read, Hz. */
  minRate: 1000,
  maxRate: 768_000,
  /** Loudest sample: full scale is 1, and whole numbers in a file of floating point are up to 32,768. */
  maxLevel: 2 ** 16,
} as const;

/** What an encoder hears. */
export interface Hearing {
  /** Hz. */
  readonly sampleRate: number;
  /** Longest clip: what is behind it is cut off. */
  readonly maxSamples: number;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_MEDIA for what is no sound, damaged, cut off, empty, too large or too long, or has no
 *   sampling rate
 */
export async function openClips(items: readonly Item[], hearing: Hearing): Promise<Clip[]> {
  const clips: Clip[] = [];
  for (const item of items) {
    const [bytes] = await readMedia([item], AUDIO_LIMITS);
    clips.push(await openClip(bytes!, nameOf(item), hearing));
  }
  return clips;
}

/** Seconds behind the cut that resampling looks at. */
const MARGIN = 0.05;

/** @param name what messages call it. @throws {FungiError} INVALID_MEDIA */
export async function openClip(bytes: Uint8Array, name: string, { sampleRate, maxSamples }: Hearing): Promise<Clip> {
  const format = knownFormat(bytes, name);
  const declared = declaredLength(format, bytes);
  assertWhole(format, bytes, declared, name);
  const decoded = await decodedOf(format, bytes, maxSamples / sampleRate + MARGIN, name);
  assertComplete(decoded, declared, name);
  const { stopped } = decoded;
  assertNumbers(decoded.samples, name);
  const length = resampledLength(decoded.samples.length, decoded.sampleRate, sampleRate);
  const samples = resample(decoded.samples, decoded.sampleRate, sampleRate);
  return {
    modality: 'audio',
    digest: sha256(bytes),
    samples: length > maxSamples ? samples.slice(0, maxSamples) : samples,
    truncated: stopped || length > maxSamples,
  };
}

function invalid(name: string, what: string, hint: string, details?: Readonly<Record<string, unknown>>): FungiError {
  return new FungiError('INVALID_MEDIA', `${name}: ${what}`, { hint, ...(details && { details }) });
}

const AGAIN = 'Fetch or export the file again, or leave it out.';
const CONVERT = 'Convert it, for example with `ffmpeg -i FILE sound.wav`.';

function knownFormat(bytes: Uint8Array, name: string): Format {
  if (bytes.length === 0) throw invalid(name, 'the file is empty', AGAIN);
  const format = formatOf(bytes);
  if (typeof format === 'string') return format;
  const is =
    format.instead === undefined ? 'is no sound that is known' : `is ${format.instead}, not a sound that can be read`;
  throw invalid(name, `${is}; read are ${FORMAT_NAMES}`, `Name sounds to an audio encoder. ${CONVERT}`);
}

/** What the file states, before anything is decoded. */
function assertWhole(format: Format, bytes: Uint8Array, { frames, sampleRate, cutOff }: Declared, name: string): void {
  const header = format === 'wav' ? wavHeader(bytes) : undefined;
  const why = header && unreadable(header);
  if (why !== undefined) throw invalid(name, why, CONVERT);
  if (sampleRate !== undefined) assertRate(sampleRate, name);
  const { maxSeconds } = AUDIO_LIMITS;
  if (frames !== undefined && sampleRate !== undefined && frames / sampleRate > maxSeconds) {
    throw invalid(
      name,
      `it states a length of ${Math.round(frames / sampleRate)} s; sounds may have ${maxSeconds} s`,
      'Cut the part that matters out of it: encoders hear seconds.',
      { seconds: frames / sampleRate, maxSeconds },
    );
  }
  if (cutOff !== undefined) throw invalid(name, `the file is cut off or damaged: ${cutOff}`, AGAIN);
}

function assertRate(sampleRate: number, name: string): void {
  const { minRate, maxRate } = AUDIO_LIMITS;
  if (Number.isInteger(sampleRate) && sampleRate >= minRate && sampleRate <= maxRate) return;
  throw invalid(name, `a sampling rate of ${sampleRate} Hz; read are ${minRate} to ${maxRate} Hz`, AGAIN, {
    sampleRate,
  });
}

async function decodedOf(format: Format, bytes: Uint8Array, seconds: number, name: string): Promise<Decoded> {
  let decoded: Decoded;
  try {
    decoded = await decode(format, bytes, seconds);
  } catch (cause) {
    throw new FungiError(
      'INVALID_MEDIA',
      `${name}: damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: AGAIN,
        cause,
      },
    );
  }
  return decoded;
}

/** Damaged parts are passed over by decoders without a word. */
function assertComplete({ samples, sampleRate, stopped }: Decoded, declared: Declared, name: string): void {
  const { frames } = declared;
  if (stopped || (samples.length > 0 && samples.length >= (frames ?? 0))) {
    assertRate(sampleRate, name);
    return;
  }
  if (frames === undefined || frames === 0) throw invalid(name, 'there is no sound in it: 0 samples', AGAIN);
  throw invalid(name, `damaged or cut off: it states ${frames} samples, and ${samples.length} can be decoded`, AGAIN, {
    frames,
    decoded: samples.length,
  });
}

function assertNumbers(samples: Float32Array, name: string): void {
  const { maxLevel } = AUDIO_LIMITS;
  const at = samples.findIndex((sample) => !(Math.abs(sample) <= maxLevel));
  if (at === -1) return;
  throw invalid(
    name,
    `sample ${at} is ${samples[at]!}; samples are numbers of up to ${maxLevel}, and mostly within −1 … 1`,
    AGAIN,
  );
}
