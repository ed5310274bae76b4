import { ByteReader } from './byte-reader.js';
import { maskedCrc32c } from './crc32c.js';

/** The last bytes of every LevelDB table. */
const MAGIC = 0xdb4775248b80fb57n;
const FOOTER_BYTES = 48;
/** The bytes after a block: one for its compression, four for its checksum. */
const TRAILER_BYTES = 5;

/** The keys and values of a LevelDB table as tensorflow/core/lib/io/table writes them: uncompressed. */
export function readTable(table: Buffer): Map<string, Buffer> {
  if (table.length < FOOTER_BYTES || table.readBigUInt64LE(table.length - 8) !== MAGIC)
    throw new Error('is not a checkpoint index, or is cut off');
  const footer = new ByteReader(table.subarray(table.length - FOOTER_BYTES));
  readHandle(footer); // of the block for filters, which is empty
  const rows = new Map<string, Buffer>();
  for (const [, handle] of readBlock(table, readHandle(footer)))
    for (const [key, value] of readBlock(table, readHandle(new ByteReader(handle)))) rows.set(key, value);
  return rows;
}

interface Handle {
  readonly offset: number;
  readonly size: number;
}

const readHandle = (reader: ByteReader): Handle => ({ offset: reader.varint(), size: reader.varint() });

/** The entries of a block. A key shares a prefix with the one before; the restart points at the end are not needed. */
function readBlock(table: Buffer, handle: Handle): [string, Buffer][] {
  const bytes = checkedBlock(table, handle);
  const restarts = bytes.readUInt32LE(bytes.length - 4);
  const reader = new ByteReader(bytes.subarray(0, bytes.length - 4 * (1 + restarts)));
  const rows: [string, Buffer][] = [];
  let key = Buffer.alloc(0);
  while (!reader.done) {
    const [shared, own, length] = [reader.varint(), reader.varint(), reader.varint()];
    key = Buffer.concat([key.subarray(0, shared), reader.take(own)]);
    rows.push([key.toString('utf8'), reader.take(length)]);
  }
  return rows;
}

function checkedBlock(table: Buffer, { offset, size }: Handle): Buffer {
  if (offset + size + TRAILER_BYTES > table.length) throw new Error('is cut off');
  const compression = table[offset + size]!;
  if (compression !== 0)
    throw new Error(`has a block compressed by method ${compression}; only 0, none, is read`);
  const checksum = table.readUInt32LE(offset + size + 1);
  if (maskedCrc32c(table.subarray(offset, offset + size + 1)) !== checksum)
    throw new Error(`is damaged: the block at byte ${offset} does not match its checksum`);
  return table.subarray(offset, offset + size);
}
