/** Coloured shapes and tones, to try an image or an audio encoder on: `npx tsx examples/make-media.ts FOLDER`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

const folder = process.argv[2] ?? 'media';
const COUNT = 8;

/** By label: how a shape of radius r about (x, y) is drawn. */
const SHAPES: Readonly<Record<string, (x: number, y: number, r: number) => string>> = {
  'red-circle': (x, y, r) => `<circle cx="${x}" cy="${y}" r="${r}" fill="#d22"/>`,
  'green-square': (x, y, r) => `<rect x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}" fill="#2a4"/>`,
  'blue-triangle': (x, y, r) => `<polygon points="${x},${y - r} ${x - r},${y + r} ${x + r},${y + r}" fill="#24d"/>`,
};

/** By label: hertz. */
const TONES: Readonly<Record<string, number>> = { low: 150, middle: 900, high: 4000 };
const RATE = 16_000;

for (const [label, shape] of Object.entries(SHAPES)) {
  for (let i = 0; i < COUNT; i++) {
    const drawn = shape(42 + 2 * i, 55 - 2 * i, 24 + (i % 4));
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="#fff"/>${drawn}</svg>`;
    await save(place('shapes', label, i, 'png'), await sharp(Buffer.from(svg)).png().toBuffer());
  }
}
for (const [label, hertz] of Object.entries(TONES)) {
  for (let i = 0; i < COUNT; i++) await save(place('tones', label, i, 'wav'), tone(hertz * (1 + i / 50), 0.5 + i / 20));
}

/** The last of each is not among the examples: it is the query. */
function place(kind: string, label: string, i: number, type: string): string {
  return i === COUNT - 1 ? join(folder, 'queries', `${label}.${type}`) : join(folder, kind, label, `${i}.${type}`);
}

async function save(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** A WAV file of one channel and 16 bits. */
function tone(hertz: number, seconds: number): Uint8Array {
  const samples = Math.round(RATE * seconds);
  const file = Buffer.alloc(44 + 2 * samples);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + 2 * samples, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16); // length of the header that follows
  file.writeUInt16LE(1, 20); // PCM
  file.writeUInt16LE(1, 22); // channels
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(2 * RATE, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(2 * samples, 40);
  for (let i = 0; i < samples; i++) {
    file.writeInt16LE(Math.round(16_000 * Math.sin((2 * Math.PI * hertz * i) / RATE)), 44 + 2 * i);
  }
  return file;
}
