/** A little-endian number format of weight files and its conversion to 32-bit floats. */
export interface FloatFormat {
  readonly bytes: number;
  decode(data: Uint8Array): Float32Array;
}

/** Copies the bytes, which may start anywhere in a larger buffer. */
const aligned = (data: Uint8Array): ArrayBuffer => new Uint8Array(data).buffer;

export const FLOAT_FORMATS = {
  float32: { bytes: 4, decode: data => new Float32Array(aligned(data)) },
  float64: { bytes: 8, decode: data => Float32Array.from(new Float64Array(aligned(data))) },
  float16: { bytes: 2, decode: data => Float32Array.from(new Uint16Array(aligned(data)), halfToFloat) },
  // A bfloat16 is the upper half of a float32.
  bfloat16: {
    bytes: 2,
    decode: data =>
      new Float32Array(Uint32Array.from(new Uint16Array(aligned(data)), bits => bits << 16).buffer),
  },
} as const satisfies Record<string, FloatFormat>;

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
