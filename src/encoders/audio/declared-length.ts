/** How long a file says it is: what a decoder gives of a file that was cut off is shorter, and it gives that without a word. */
import { afterId3, begins, isMpegFrame, type Format } from './format.js';
import type { Declared } from './declared.js';
import { oggLength } from './ogg-pages.js';
import { wavHeader } from './wav-header.js';

export function declaredLength(format: Format, bytes: Uint8Array): Declared {
  switch (format) {
    case 'wav':
      return ofWav(bytes);
    case 'flac':
      return begins(bytes, 'OggS') ? oggLength(bytes, format) : ofFlac(bytes);
    case 'mp3':
      return ofMp3(bytes);
    case 'vorbis':
    case 'opus':
      return oggLength(bytes, format);
  }
}

function ofWav(bytes: Uint8Array): Declared {
  const header = wavHeader(bytes);
  if (header === undefined) return { cutOff: 'it ends before its samples begin' };
  const { sampleRate, blockAlign, dataStart, dataBytes = bytes.length - dataStart } = header;
  const there = bytes.length - dataStart;
  return {
    sampleRate,
    ...(blockAlign > 0 && { frames: Math.floor(dataBytes / blockAlign) }),
    ...(there < dataBytes && { cutOff: `its header states ${dataBytes} bytes of samples, and ${there} are there` }),
  };
}

/** STREAMINFO, the first block (RFC 9639, 8.2): 20 bits of rate from byte 10, 36 bits of samples from bit 108. */
function ofFlac(bytes: Uint8Array): Declared {
  const at = afterId3(bytes) + 8;
  if (bytes.length < at + 34) return { cutOff: 'it ends in its header' };
  const sampleRate = bytes[at + 10]! * 2 ** 12 + bytes[at + 11]! * 2 ** 4 + (bytes[at + 12]! >> 4);
  const low = bytes.subarray(at + 14, at + 18).reduce((sum, byte) => sum * 256 + byte, 0);
  const frames = (bytes[at + 13]! & 15) * 2 ** 32 + low;
  return { sampleRate, ...(frames > 0 && { frames }) };
}

/** The Xing or Info tag that LAME and others put in the first frame, where they do: bytes of the whole, if its flag 2 is set. */
function ofMp3(bytes: Uint8Array): Declared {
  const start = afterId3(bytes);
  if (!isMpegFrame(bytes, start)) return {};
  const mpeg1 = ((bytes[start + 1]! >> 3) & 3) === 3;
  const mono = bytes[start + 3]! >> 6 === 3;
  const tag = start + 4 + (mpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17);
  if (!begins(bytes, 'Xing', tag) && !begins(bytes, 'Info', tag)) return {};
  if (bytes.length < tag + 16) return { cutOff: 'it ends within its first frame' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint32(tag + 4);
  if ((flags & 2) === 0) return {};
  const stated = view.getUint32(tag + 8 + ((flags & 1) === 0 ? 0 : 4));
  const there = bytes.length - start;
  return there < stated ? { cutOff: `it states ${stated} bytes, and ${there} are there` } : {};
}
