/** The Castagnoli polynomial with reversed bits. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

export function crc32c(...parts: readonly Uint8Array[]): number {
  let remainder = 0xffffffff;
  for (const part of parts)
    for (let i = 0; i < part.length; i++)
      remainder = TABLE[(remainder ^ part[i]!) & 0xff]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
}

/** Masks a checksum as LevelDB and TensorFlow do: the checksum of data that contains checksums would be weak. */
export function maskedCrc32c(...parts: readonly Uint8Array[]): number {
  const crc = crc32c(...parts);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
