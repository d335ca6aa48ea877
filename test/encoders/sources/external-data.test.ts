import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { externalDataFiles } from '../../../src/encoders/sources/external-data.js';
import { graphOver, graphWithEntries, graphWithIdleLocation, onnxFile, type TensorPlace } from '../onnx-file.js';

let scratch: string;
let graph: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'external-'));
  graph = join(scratch, 'model.onnx');
});
afterAll(() => rm(scratch, { recursive: true }));

async function filesOf(content: Uint8Array | string): Promise<string[]> {
  await writeFile(graph, content);
  return externalDataFiles(graph);
}

describe('the files of external data', () => {
  it.each<TensorPlace>(['initializer', 'sparse', 'constant', 'branch'])(
    'are found from a tensor in: %s',
    async (place) => {
      expect(await filesOf(graphOver(['weights.bin', 'a.data', 'weights.bin'], place))).toEqual([
        'a.data',
        'weights.bin',
      ]);
    },
  );

  it('are none when the weights are in the graph, however large', async () => {
    expect(await filesOf(onnxFile(randomBytes(300_000)))).toEqual([]);
    expect(await filesOf(graphWithIdleLocation('old.bin'))).toEqual([]);
  });

  it('are found behind weights in the graph', async () => {
    // Fields of a message may come in any order and in pieces: bytes after bytes merge into one model.
    const both = Buffer.concat([onnxFile(randomBytes(300_000)), graphOver(['weights.bin'])]);
    expect(await filesOf(both)).toEqual(['weights.bin']);
  });

  it.each([
    '../weights.bin',
    '/etc/passwd',
    'sub/weights.bin',
    '..',
    '.',
    'a\\b',
    '',
    './',
    './../weights.bin',
    './sub/weights.bin',
    './/weights.bin',
    'a\u0000b',
    '*/_ORT_MEM_ADDR_/*',
  ])('lie beside the graph: %j is refused', async (location) => {
    await expect(filesOf(graphOver([location]))).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining(JSON.stringify(location)) as string,
      hint: expect.stringContaining('save_as_external_data') as string,
    });
  });

  it('are the same files with and without "./" before their names', async () => {
    expect(await filesOf(graphOver(['./weights.bin', 'weights.bin', '././a.data']))).toEqual(['a.data', 'weights.bin']);
  });

  it.runIf(process.platform !== 'win32')('may have a colon in their names', async () => {
    expect(await filesOf(graphOver(['model:0.data']))).toEqual(['model:0.data']);
  });

  it('have a name', async () => {
    await expect(filesOf(graphWithEntries(['offset', '0']))).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('are all counted, and all checked, when one tensor names two', async () => {
    expect(await filesOf(graphWithEntries(['location', 'a'], ['location', 'b']))).toEqual(['a', 'b']);
    for (const names of [
      ['../x', 'b'],
      ['a', '../x'],
    ]) {
      const entries = names.map((name) => ['location', name] as const);
      await expect(filesOf(graphWithEntries(...entries))).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    }
  });
});

describe('a file that is no whole graph is refused', () => {
  const whole = onnxFile(randomBytes(1000));
  it.each<[string, Uint8Array | string, RegExp]>([
    ['empty', '', /\(0 bytes\).*the file is empty/],
    ['text', '# Not a model\n', /not a whole ONNX model/],
    ['cut in its weights', whole.subarray(0, -1), /ends at byte/],
    ['cut in a length', Buffer.from('3aff', 'hex'), /not a whole/],
    ['a model without a graph', Buffer.from('0808', 'hex'), /holds no graph/],
    ['nested without end', nested(200), /nested more than 100/],
    ['a name of a megabyte', graphOver(['x'.repeat(2 ** 20)]), /name of a data file takes/],
  ])('%s', async (_, content, message) => {
    await expect(filesOf(content)).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringMatching(message) as string,
    });
  });
});

/** Graphs in attributes of nodes of graphs. */
function nested(depth: number): Buffer {
  let bytes = Buffer.alloc(0);
  const inside = (field: number, content: Buffer) => {
    const length: number[] = [];
    for (let rest = content.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content]);
  };
  for (let i = 0; i < depth; i++) bytes = inside(1, inside(5, inside(6, bytes)));
  return inside(7, bytes);
}
