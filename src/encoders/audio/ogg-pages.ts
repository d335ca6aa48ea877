/** Pages of an Ogg file (RFC 3533, 6): whether all are there and whole, and the samples that they state. */
import type { Declared } from './declared.js';
import { begins } from './format.js';

const LAST = 4;

/** Each page has a checksum; the last one is marked, and states the samples so far, of Opus at 48 kHz and with those that are skipped. */
export function oggLength(bytes: Uint8Array, format: 'flac' | 'vorbis' | 'opus'): Declared {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [at, last] = [0, false];
  let granule: number | undefined;
  while (begins(bytes, 'OggS', at)) {
    const end = pageEnd(bytes, at);
    if (end === undefined) return { cutOff: 'it ends within a page' };
    if (checksum(bytes, at, end) !== view.getUint32(at + 22, true))
      return { cutOff: `the page at byte ${at} is damaged` };
    const position = view.getBigInt64(at + 6, true); // −1 where no packet ends on the page
    if (position >= 0n && position <= BigInt(Number.MAX_SAFE_INTEGER)) granule = Number(position);
    last = (bytes[at + 5]! & LAST) !== 0;
    at = end;
  }
  if (!last) return { cutOff: at < bytes.length ? `there is no page at byte ${at}` : 'its last page is missing' };
  const { sampleRate, skipped } = header(bytes, view, format);
  return {
    ...(sampleRate !== undefined && { sampleRate }),
    ...(granule !== undefined && { frames: Math.max(0, granule - skipped) }),
  };
}

/** Of the first packet: Vorbis I, 4.2.2; RFC 7845, 5.1. A FLAC states its rate in a block of its own, which its decoder reads. */
function header(bytes: Uint8Array, view: DataView, format: 'flac' | 'vorbis' | 'opus') {
  const packet = 27 + bytes[26]!;
  const there = packet + 16 <= bytes.length;
  if (format === 'opus') return { sampleRate: 48_000, skipped: there ? view.getUint16(packet + 10, true) : 0 };
  return { sampleRate: format === 'vorbis' && there ? view.getUint32(packet + 12, true) : undefined, skipped: 0 };
}

/** Undefined where the bytes end before. */
function pageEnd(bytes: Uint8Array, at: number): number | undefined {
  if (at + 27 > bytes.length) return undefined;
  const body = at + 27 + bytes[at + 26]!;
  if (body > bytes.length) return undefined;
  const end = bytes.subarray(at + 27, body).reduce((sum, size) => sum + size, body);
  return end > bytes.length ? undefined : end;
}

/** CRC-32 with polynomial 0x04c11db7, highest bit first, of the page with zeros where its own checksum is. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc;
});

function checksum(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) {
    const byte = i >= from + 22 && i < from + 26 ? 0 : bytes[i]!;
    crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}
