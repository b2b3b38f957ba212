/** Bits of a growing octet sequence, most significant first. Reads past the end throw RangeError. */
export class BitReader {
  private bytes = new Uint8Array(0);
  private at = 0;
  private window = 0;
  private count = 0;

  /** Add octets; those that have been read are let go. */
  append(octets: Uint8Array): void {
    const rest = this.bytes.subarray(this.at);
    const joined = new Uint8Array(rest.length + octets.length);
    joined.set(rest);
    joined.set(octets, rest.length);
    this.bytes = joined;
    this.at = 0;
  }

  /** Whole octets that have not been touched. */
  get remainingOctets(): number {
    return this.bytes.length - this.at;
  }

  /** The next `count` bits, up to 32. */
  read(count: number): number {
    if (count > 16) return ((this.read(count - 16) * 0x10000) >>> 0) + this.read(16);
    while (this.count < count) {
      const octet = this.bytes[this.at];
      if (octet === undefined) throw new RangeError('no more octets');
      this.at++;
      this.window = ((this.window << 8) | octet) & 0xffffff;
      this.count += 8;
    }
    this.count -= count;
    return (this.window >>> this.count) & ((1 << count) - 1);
  }

  /** Pass over the rest of an octet that has been begun. */
  alignToOctet(): void {
    this.count -= this.count % 8;
  }
}
