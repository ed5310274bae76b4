/** Castagnoli's polynomial, bits reversed. */
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

/** As LevelDB and TensorFlow store it: a checksum of data that holds checksums would be weak. */
export function maskedCrc32c(...parts: readonly Uint8Array[]): number {
  const crc = crc32c(...parts);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
