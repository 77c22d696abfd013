import { Buffer } from 'node:buffer';
import { contextTag } from './der-tags.js';
import { sequence, tlv } from './der-writer.js';
import { findIpAddressBytes, type SubjectAlternativeNames } from './subject-alternative-names.js';

/**
 * The GeneralNames that subjectAltName is made of (RFC 5280 section 4.2.1.6), or null where there are no names.
 * @throws Error for names that validateSubjectAlternativeNames has not seen
 */
export function buildGeneralNames(names: SubjectAlternativeNames): Buffer | null {
  // Not by the library: it reads the dotted end of an IPv6 address as hexadecimal.
  const generalNames = [
    ...names.email.map((name) => tlv(contextTag(1), Buffer.from(name, 'latin1'))),
    ...names.dns.map((name) => tlv(contextTag(2), Buffer.from(name, 'latin1'))),
    ...names.uri.map((name) => tlv(contextTag(6), Buffer.from(name, 'latin1'))),
    ...names.ip.map((name) => tlv(contextTag(7), getIpAddressBytes(name))),
  ];
  return generalNames.length === 0 ? null : sequence(...generalNames);
}

function getIpAddressBytes(text: string): Buffer {
  const bytes = findIpAddressBytes(text);
  if (bytes === null) throw new Error(`"${text}" is not an IP address`);
  return bytes;
}
