/** Sounds for a prompt: what endpoints take is MP3 and WAV of 16 bits. */
import { AUDIO_LIMITS, openClip } from './clip.js';
import { formatOf } from './format.js';
import { wavFile } from './wav-file.js';
import { wavHeader } from './wav-header.js';

export interface PromptSound {
  readonly type: 'audio/wav' | 'audio/mpeg';
  readonly bytes: Uint8Array;
}

/** Hz; speech models hear no higher. */
const SAMPLE_RATE = 16_000;

/**
 * An MP3, or a WAV file of 16 bits, as it is; anything else as WAV of 16 bits, one channel, 16 kHz. Decoded whole either way: no server
 * says of a damaged file which one it was.
 *
 * @param name what messages call it
 * @throws {FungiError} INVALID_MEDIA
 */
export async function promptSound(bytes: Uint8Array, name: string): Promise<PromptSound> {
  const maxSamples = AUDIO_LIMITS.maxSeconds * SAMPLE_RATE;
  const { samples } = await openClip(bytes, name, { sampleRate: SAMPLE_RATE, maxSamples });
  const format = formatOf(bytes);
  if (format === 'mp3') return { type: 'audio/mpeg', bytes };
  if (format === 'wav' && isPlain(bytes)) return { type: 'audio/wav', bytes };
  return { type: 'audio/wav', bytes: wavFile(samples, SAMPLE_RATE) };
}

/** Whether any reader takes it: whole numbers of 16 bits, and as many as it states. */
function isPlain(bytes: Uint8Array): boolean {
  const header = wavHeader(bytes);
  return header?.codec === 1 && header.bits === 16 && header.dataBytes !== undefined;
}
