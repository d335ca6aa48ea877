import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAudioSettings } from '../../src/encoders/audio/settings.js';
import { readImageSettings } from '../../src/encoders/image/settings.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-preprocessor-'));
});
afterEach(() => rm(folder, { recursive: true }));

it.each([
  ['an image model', readImageSettings, 'a picture'],
  ['an audio model', readAudioSettings, 'a sound'],
] as const)('%s without it is told folder, file and how to get it', async (_, read, item) => {
  await expect(read(folder)).rejects.toMatchObject({
    code: 'MODEL_CORRUPT',
    message: `${folder}: preprocessor_config.json is missing; it says how ${item} becomes the model's input`,
    hint: expect.stringMatching(/`fungi models pull`, or copy the file from the model's repository/) as string,
    details: { folder, file: 'preprocessor_config.json' },
  });
  await writeFile(join(folder, 'preprocessor_config.json'), '[');
  await expect(read(folder)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
});
