/** A minimal writer of zip archives (stored, checksums left 0, which yauzl does not read), able to write what no honest tool would. */
export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array | string;
  /** Unix mode, e.g. 0o120777 for a symbolic link. */
  readonly mode?: number;
  /** Size that it claims to unpack to. */
  readonly claimedSize?: number;
}

export function zip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, mode = 0o100644, claimedSize } of entries) {
    const [content, path] = [Buffer.from(data), Buffer.from(name)];
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(content.length, 4);
    sizes.writeUInt32LE(claimedSize ?? content.length, 8);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(path.length, 0);
    const local = Buffer.concat([Buffer.from('504b03040a000008000000000000', 'hex'), sizes, lengths, path]);
    const end = Buffer.alloc(14);
    end.writeUInt32LE((mode << 16) >>> 0, 6);
    end.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('504b01021e030a000008000000000000', 'hex'), sizes, lengths, end, path]));
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
