/** A tiny image model in the layout of a hub, and pictures of our own. */
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { Rng } from '../../src/core/rng.js';
import { fixture } from './golden.js';

/** What ViT's image processor says of a model of 16 × 16 pixels. */
const PREPROCESSOR = {
  image_processor_type: 'ViTImageProcessor',
  ...{ do_resize: true, size: { height: 16, width: 16 }, resample: 2 },
  ...{ do_rescale: true, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
};

export class TinyImages {
  private constructor(readonly folder: string) {}

  /** @param family folder of test/golden/fixtures/media */
  static async create(family = 'vit'): Promise<TinyImages> {
    const folder = await mkdtemp(join(tmpdir(), 'fungi-images-'));
    await mkdir(join(folder, 'model', 'onnx'), { recursive: true });
    await cp(fixture(`media/${family}/model.onnx`), join(folder, 'model', 'onnx', 'model.onnx'));
    await writeFile(join(folder, 'model', 'config.json'), JSON.stringify({ model_type: family }));
    await writeFile(join(folder, 'model', 'preprocessor_config.json'), JSON.stringify(PREPROCESSOR));
    return new TinyImages(folder);
  }

  get model(): string {
    return join(this.folder, 'model');
  }

  /** A picture of noise and a bright spot, 20 to 44 pixels a side. */
  async picture(number: number): Promise<string> {
    const rng = Rng.stream(7, 'picture', number);
    const [width, height] = [20 + rng.int(24), 20 + rng.int(24)];
    const [x, y] = [rng.int(width), rng.int(height)];
    const data = Buffer.alloc(width * height * 3);
    for (let i = 0; i < data.length; i++) {
      const place = Math.floor(i / 3);
      const distance = Math.hypot((place % width) - x, Math.floor(place / width) - y);
      data[i] = Math.max(0, 230 - 20 * distance) + rng.int(25);
    }
    const path = join(this.folder, `${number}.png`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path);
    return path;
  }

  /** Pictures 0, 1, … in `folder/part/label`, so many of each part, the labels in turns. */
  async labelled(folder: string, parts: Readonly<Record<string, number>>, labels: readonly string[]): Promise<void> {
    let number = 0;
    for (const [part, count] of Object.entries(parts)) {
      for (const end = number + count; number < end; number++) {
        const own = join(folder, part, labels[number % labels.length]!);
        await mkdir(own, { recursive: true });
        await copyFile(await this.picture(number), join(own, `${number}.png`));
      }
    }
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
