/** Which format bytes are in, by their beginning: the name of a file says nothing about its content. */

/** Formats that are decoded. */
export const FORMATS = ['wav', 'flac', 'mp3', 'vorbis', 'opus'] as const;
export type Format = (typeof FORMATS)[number];

/** As messages name them. */
export const FORMAT_NAMES = 'WAV, FLAC, MP3, Ogg Vorbis and Opus';

/** What else people put where a sound should be: beginning, at which byte, and what it is. */
const OTHERS: readonly (readonly [string, number, string])[] = [
  ['\x89PNG', 0, 'a PNG image'],
  ['\xff\xd8\xff', 0, 'a JPEG image'],
  ['GIF8', 0, 'a GIF image'],
  ['WEBP', 8, 'a WebP image'],
  ['%PDF', 0, 'a PDF document'],
  ['PK\x03\x04', 0, 'a ZIP archive'],
  ['\x1f\x8b', 0, 'a gzip archive'],
  ['ftyp', 4, 'an MP4 or M4A file (AAC or ALAC)'],
  ['\x1aE\xdf\xa3', 0, 'a Matroska or WebM file'],
  ['FORM', 0, 'an AIFF file'],
  ['RF64', 0, 'an RF64 file (WAV of more than 4 GB)'],
  ['caff', 0, 'a CAF file'],
  ['MThd', 0, 'a MIDI file, which holds notes and no sound'],
  ['#!AMR', 0, 'an AMR file'],
  ['.snd', 0, 'an AU file'],
  ['OggS', 0, 'an Ogg file with something else than Vorbis, Opus or FLAC'],
];

/** Text, or whatever is that far from a sound. */
const TEXT = /^[\t\n\r\x20-\x7e]+$/;

/** One of {@link FORMATS}, or a description of what it is instead. */
export function formatOf(bytes: Uint8Array): Format | { readonly instead: string | undefined } {
  if (begins(bytes, 'RIFF') && begins(bytes, 'WAVE', 8)) return 'wav';
  if (begins(bytes, 'fLaC')) return 'flac';
  if (begins(bytes, 'OggS')) {
    const packet = 27 + (bytes[26] ?? 0);
    if (begins(bytes, 'OpusHead', packet)) return 'opus';
    if (begins(bytes, '\x01vorbis', packet)) return 'vorbis';
    if (begins(bytes, '\x7fFLAC', packet)) return 'flac';
  }
  const audio = afterId3(bytes);
  if (begins(bytes, 'fLaC', audio)) return 'flac';
  if (isMpegFrame(bytes, audio)) return 'mp3';
  const other = OTHERS.find(([magic, at]) => begins(bytes, magic, at))?.[2];
  const text = TEXT.test(String.fromCharCode(...bytes.subarray(0, 64)));
  return { instead: other ?? (text ? 'a text' : undefined) };
}

export function begins(bytes: Uint8Array, magic: string, at = 0): boolean {
  if (bytes.length < at + magic.length) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** Where sound begins behind an ID3v2 tag, whose length is four times seven bits (https://id3.org/id3v2.4.0-structure, 3.1). */
export function afterId3(bytes: Uint8Array): number {
  if (!begins(bytes, 'ID3') || bytes.length < 10) return 0;
  const footer = (bytes[5]! & 0x10) === 0 ? 0 : 10;
  return (
    10 +
    footer +
    ((bytes[6]! & 127) * 2 ** 21 + (bytes[7]! & 127) * 2 ** 14 + (bytes[8]! & 127) * 2 ** 7 + (bytes[9]! & 127))
  );
}

/** Frame sync of MPEG audio, layer III or II, with a version, a bit rate and a sampling rate that exist. */
export function isMpegFrame(bytes: Uint8Array, at: number): boolean {
  if (bytes.length < at + 4 || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return false;
  const [version, layer] = [(bytes[at + 1]! >> 3) & 3, (bytes[at + 1]! >> 1) & 3];
  const [bitRate, rate] = [bytes[at + 2]! >> 4, (bytes[at + 2]! >> 2) & 3];
  return version !== 1 && (layer === 1 || layer === 2) && bitRate !== 0 && bitRate !== 15 && rate !== 3;
}
