import type { Buffer } from 'node:buffer';
import type { DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { boolean, octetString, oid, sequence } from './der-writer.js';

// What certificates, CRLs and OCSP messages have in common (RFC 5280 section 4.1).

export interface Extension {
  readonly critical: boolean;
  /** The contents of extnValue. */
  readonly value: Buffer;
}

/**
 * Reads the Extensions SEQUENCE that is all that the reader has left into a map by dotted object identifier. Refuses an empty
 * one, and an extension that stands twice.
 */
export function readExtensions(reader: DerReader): Map<string, Extension> {
  const list = reader.readSequence();
  reader.expectEnd();
  const extensions = new Map<string, Extension>();
  do {
    const start = list.offset;
    const extension = list.readSequence();
    const id = extension.readOid();
    if (extensions.has(id)) throw list.error(`a second extension ${id}`, start);
    const critical = readCritical(extension);
    const value = extension.readOctetString();
    extension.expectEnd();
    extensions.set(id, { critical, value });
  } while (!list.atEnd);
  return extensions;
}

/** Like readExtensions, and refuses a critical extension that is not among these. */
export function readExtensionsKnowing(known: readonly string[], reader: DerReader): Map<string, Extension> {
  const start = reader.offset;
  const extensions = readExtensions(reader);
  for (const [id, { critical }] of extensions) {
    if (critical && !known.includes(id)) throw reader.error(`the unknown critical extension ${id} in the list`, start);
  }
  return extensions;
}

/** One Extension, from its dotted object identifier and the DER of its value. */
export function buildExtension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));
}

/** Reads a Name: its DER, after a look at its structure. The attribute values are not looked at. */
export function readName(reader: DerReader): Buffer {
  const [der, name] = readBoth(reader);
  while (!name.atEnd) {
    const relativeName = name.readSet();
    do {
      const attribute = relativeName.readSequence();
      attribute.readOid();
      attribute.skip();
      attribute.expectEnd();
    } while (!relativeName.atEnd);
  }
  return der;
}

/** Reads an AlgorithmIdentifier: its DER, after a look at its structure. The parameters are not looked at. */
export function readAlgorithmIdentifier(reader: DerReader): Buffer {
  const [der, algorithm] = readBoth(reader);
  algorithm.readOid();
  if (!algorithm.atEnd) algorithm.skip();
  algorithm.expectEnd();
  return der;
}

function readBoth(reader: DerReader): [Buffer, DerReader] {
  const fork = reader.fork();
  return [reader.readElement(TAG.sequence), fork.readSequence()];
}

function readCritical(extension: DerReader): boolean {
  if (extension.peekTag() !== TAG.boolean) return false;
  const start = extension.offset;
  // X.690 section 11.5: a default value is left out.
  if (!extension.readBoolean()) throw extension.error('a default value that is written out', start);
  return true;
}
