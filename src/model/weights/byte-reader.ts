/** Reads bytes in order, and the values that file formats encode in them. Reading past the end is an error. */
export class ByteReader {
  constructor(
    private readonly bytes: Buffer,
    public at = 0,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new Error('ends inside a value');
    return this.bytes.subarray(this.at, (this.at += length));
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  text(length: number): string {
    return this.take(length).toString('utf8');
  }

  /** The text up to the next line feed, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw new Error('ends inside a line');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** A varint: seven bits a byte, the lowest first; exact up to 2^53. */
  varint(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }
}
