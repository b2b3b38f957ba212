import { HEADER_LENGTH, MESSAGE_TYPE } from '../bgp/wire/header.js';
import { afiSafiOf, type FamilyName } from '../bgp/wire/families.js';
import { Writer } from '../net/index.js';

/** The End-of-RIB marker of a family: an UPDATE that withdraws nothing (RFC 4724 section 2). */
export function encodeEndOfRib(family: FamilyName): Uint8Array {
  const writer = new Writer(HEADER_LENGTH + 10);
  for (let i = 0; i < 16; i++) writer.u8(0xff);
  const lengthAt = writer.reserve(2);
  writer.u8(MESSAGE_TYPE.update);
  writer.u16(0);
  if (family === 'ipv4-unicast') writer.u16(0);
  else {
    const { afi, safi } = afiSafiOf(family);
    writer.u16(6);
    writer.octets(Uint8Array.of(0x80, 15, 3, afi >> 8, afi, safi));
  }
  writer.patch16(lengthAt, writer.length);
  return writer.finish();
}
