/** Opens a Parquet file and says what is wrong with one that cannot be read. https://parquet.apache.org/docs/file-format */
import { open, type FileHandle } from 'node:fs/promises';

import { parquetMetadataAsync, parquetSchema, type AsyncBuffer, type FileMetaData, type SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

import { FungiError } from '../../core/errors.js';
import { unreadable } from './utf8-file.js';

export interface ParquetFile {
  readonly path: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** The top-level ones. */
  readonly columns: readonly SchemaTree[];
}

/** A magic number at either end, and the length of the footer. */
const SHORTEST = 12;

/**
 * Runs `work` on an open file.
 *
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_DATA when it is no Parquet file, is cut off, encrypted, damaged, or compressed in a
 *   way that cannot be read
 */
export async function* withParquetFile<T>(
  path: string,
  work: (file: ParquetFile) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const handle = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const buffer = bufferOf(handle, (await handle.stat()).size);
    await checkMagic(path, buffer);
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false }).catch((cause: unknown) => {
      throw damaged(path, 'its footer cannot be read', cause);
    });
    checkCodecs(path, metadata);
    yield* work({ path, buffer, metadata, columns: columnsOf(path, metadata) });
  } finally {
    await handle.close();
  }
}

function columnsOf(path: string, metadata: FileMetaData): readonly SchemaTree[] {
  try {
    return parquetSchema(metadata).children;
  } catch (cause) {
    throw damaged(path, 'its schema cannot be read', cause);
  }
}

/** @param what cannot be read, and where */
export const damaged = (path: string, what: string, cause: unknown): FungiError =>
  new FungiError('INVALID_DATA', `${path}: ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    hint: 'The file looks damaged: fetch or write it again.',
    details: { path },
    cause,
  });

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error('the file became shorter while it was read');
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

async function checkMagic(path: string, buffer: AsyncBuffer): Promise<void> {
  const text = async (from: number, to: number): Promise<string> =>
    Buffer.from(await buffer.slice(from, to)).toString('latin1');
  const size = buffer.byteLength;
  const start = await text(0, Math.min(size, 40));
  const end = await text(Math.max(0, size - 4), size);
  const refuse = (found: string, hint: string): never => {
    throw new FungiError('INVALID_DATA', `${path}: ${found}`, { hint, details: { path, bytes: size } });
  };
  if (start.startsWith('version https://git-lfs')) {
    refuse('a pointer to a file in Git LFS, not the Parquet file itself', 'Fetch the file: git lfs pull');
  }
  if (start.startsWith('PARE') || end === 'PARE') {
    refuse('an encrypted Parquet file', 'Write it without encryption.');
  }
  if (!start.startsWith('PAR1')) {
    const found = size === 0 ? 'it is empty' : `it begins with ${JSON.stringify(start.slice(0, 4))}, not with "PAR1"`;
    refuse(`not a Parquet file: ${found}`, 'Name a file by what is in it: .jsonl, .csv, .tsv or .parquet.');
  }
  if (size < SHORTEST || end !== 'PAR1') {
    refuse(
      `the Parquet file is cut off: ${size} bytes, and the last four are not "PAR1"`,
      'Fetch or write the file again, whole.',
    );
  }
}

/** A codec that the library has no name for, as of a later version of the format, is undefined there. */
function checkCodecs(path: string, { row_groups: groups }: FileMetaData): void {
  for (const { meta_data: column } of groups.flatMap(({ columns }) => columns)) {
    const codec = column?.codec as string | undefined;
    if (codec !== undefined && (codec === 'UNCOMPRESSED' || codec in compressors)) continue;
    throw new FungiError(
      'INVALID_DATA',
      `${path}: column "${column?.path_in_schema.join('.') ?? '?'}" is compressed with ${codec ?? 'an unknown codec'}, which is not read`,
      {
        hint: 'Write it with another codec; pandas: frame.to_parquet(path, compression="zstd").',
        details: { path, codec: codec ?? null },
      },
    );
  }
}
