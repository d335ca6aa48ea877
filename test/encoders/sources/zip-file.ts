/** A minimal writer of zip archives (checksums left 0, which yauzl does not read), able to write what no honest tool would. */
import { deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array | string;
  /** Unix mode, e.g. 0o120777 for a symbolic link. */
  readonly mode?: number;
  /** Size that it claims to unpack to. */
  readonly claimedSize?: number;
  /** Compressed, not stored. */
  readonly deflate?: boolean;
}

export function zip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, mode = 0o100644, claimedSize, deflate = false } of entries) {
    const [plain, path] = [Buffer.from(data), Buffer.from(name)];
    const content = deflate ? deflateRawSync(plain) : plain;
    const method = deflate ? '0800' : '0000';
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(content.length, 4);
    sizes.writeUInt32LE(claimedSize ?? plain.length, 8);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(path.length, 0);
    const local = Buffer.concat([Buffer.from(`504b03040a000008${method}00000000`, 'hex'), sizes, lengths, path]);
    const end = Buffer.alloc(14);
    end.writeUInt32LE((mode << 16) >>> 0, 6);
    end.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from(`504b01021e030a000008${method}00000000`, 'hex'), sizes, lengths, end, path]),
    );
    locals.push(local, content);
    offset += local.length + content.length;
  }
  const listing = Buffer.concat(directory);
  const tail = Buffer.alloc(22);
  tail.write('504b0506', 'hex');
  tail.writeUInt16LE(entries.length, 8);
  tail.writeUInt16LE(entries.length, 10);
  tail.writeUInt32LE(listing.length, 12);
  tail.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, listing, tail]);
}
