// @peculiar/x509 needs the Reflect metadata API before it loads.
import 'reflect-metadata';
import { createHash, X509Certificate } from 'node:crypto';
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import { parseCertificateFields } from './certificate-fields.js';
import { DerReader } from './der-reader.js';
import { bitString, explicit, integer, nullValue, sequence, time } from './der-writer.js';
import { buildCrlDistributionPoints } from './distribution-point.js';
import { buildGeneralNames } from './general-names.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { canonicalSerialNumber } from './serial-number.js';
import type { Signer } from './signer.js';
import type { SubjectAlternativeNames } from './subject-alternative-names.js';
import { buildExtension } from './x509-elements.js';

/** Where relying parties find what they need to check a certificate. */
export interface RelyingPartyUrls {
  readonly ocsp: string | null;
  readonly caIssuers: string;
  /** Of the CRL whose issuing distribution point has the same name, byte for byte; or of the complete one. */
  readonly crl: string;
  /** Of the delta CRL. */
  readonly freshestCrl?: string | null;
}

export type CertificateProfile =
  | { readonly kind: 'root'; readonly pathLength: number | null }
  | { readonly kind: 'intermediate'; readonly pathLength: number | null; readonly urls: RelyingPartyUrls }
  | {
      readonly kind: 'leaf';
      readonly subjectAlternativeNames: SubjectAlternativeNames;
      readonly urls: RelyingPartyUrls;
    }
  | { readonly kind: 'ocsp-responder' };

export interface CertificatePlan {
  /** Unsigned big-endian octets. */
  readonly serialNumber: Buffer;
  /** Byte for byte the subject of the issuer's certificate. */
  readonly issuerDer: Buffer;
  readonly subjectDer: Buffer;
  readonly spkiDer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The subject key identifier of the issuer's certificate. */
  readonly authorityKeyIdentifier: Buffer;
  readonly profile: CertificateProfile;
}

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const EMPTY_NAME = sequence();

/**
 * Builds and signs the DER of an X.509 v3 certificate (RFC 5280), and checks the finished bytes before it returns them.
 * Milliseconds of the validity are cut off.
 * @throws PkiError `invalid_name` for a leaf without a subject and without alternative names
 * @throws Error where the plan contradicts itself or the signer gave a signature that does not verify
 */
export async function buildCertificate(plan: CertificatePlan, signer: Signer): Promise<Buffer> {
  if (plan.issuerDer.equals(EMPTY_NAME)) throw new Error('an issuer needs a name');
  if (!(plan.notBefore < plan.notAfter)) throw new Error('notAfter must be later than notBefore');
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(canonicalSerialNumber(plan.serialNumber)),
    signer.algorithm.der,
    plan.issuerDer,
    sequence(time(plan.notBefore), time(plan.notAfter)),
    plan.subjectDer,
    plan.spkiDer,
    explicit(3, sequence(...buildExtensions(plan))),
  );
  const certificate = sequence(tbs, signer.algorithm.der, bitString(await signer.sign(tbs)));
  checkCertificate(certificate, plan, signer);
  return certificate;
}

/** RFC 5280 section 4.2.1.2, method 1: the SHA-1 of the bits of subjectPublicKey. */
export function keyIdentifierOf(spkiDer: Uint8Array): Buffer {
  const spki = new DerReader(spkiDer).readSequence();
  spki.skip();
  return createHash('sha1').update(spki.readBitString()).digest();
}

function buildExtensions(plan: CertificatePlan): Buffer[] {
  const { profile } = plan;
  const keyIdentifiers = [
    new SubjectKeyIdentifierExtension(keyIdentifierOf(plan.spkiDer).toString('hex')),
    new AuthorityKeyIdentifierExtension(plan.authorityKeyIdentifier.toString('hex')),
  ].map(bytesOf);
  switch (profile.kind) {
    case 'root':
      return [...keyIdentifiers, ...authorityExtensions(profile.pathLength)];
    case 'intermediate':
      return [...keyIdentifiers, ...authorityExtensions(profile.pathLength), ...urlExtensions(profile.urls)];
    case 'leaf':
      return [
        ...keyIdentifiers,
        ...leafExtensions(plan, profile.subjectAlternativeNames),
        ...urlExtensions(profile.urls),
      ];
    case 'ocsp-responder':
      return [...keyIdentifiers, ...responderExtensions()];
  }
}

function authorityExtensions(pathLength: number | null): Buffer[] {
  return [
    new BasicConstraintsExtension(true, pathLength ?? undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ].map(bytesOf);
}

function leafExtensions(plan: CertificatePlan, names: SubjectAlternativeNames): Buffer[] {
  const { digitalSignature, keyEncipherment } = KeyUsageFlags;
  const keyUsage = isRsa(plan.spkiDer)
    ? new KeyUsagesExtension(digitalSignature | keyEncipherment, true)
    : new KeyUsagesExtension(digitalSignature, true);
  return [
    ...[
      new BasicConstraintsExtension(false, undefined, true),
      keyUsage,
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    ].map(bytesOf),
    ...subjectAltName(names, plan.subjectDer.equals(EMPTY_NAME)),
  ];
}

/** RFC 6960 section 4.2.2.2 and CA/B BR 7.1.2.8: nothing that would make anybody ask for the status of the responder itself. */
function responderExtensions(): Buffer[] {
  return [
    ...[
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.ocspSigning]),
    ].map(bytesOf),
    buildExtension(OID.pkixOcspNocheck, false, nullValue()),
  ];
}

function urlExtensions(urls: RelyingPartyUrls): Buffer[] {
  const { ocsp, caIssuers, crl, freshestCrl } = urls;
  const extensions = [
    bytesOf(new AuthorityInfoAccessExtension({ ...(ocsp === null ? {} : { ocsp }), caIssuers })),
    buildExtension(OID.cRLDistributionPoints, false, buildCrlDistributionPoints([crl])),
  ];
  if (freshestCrl != null) {
    extensions.push(buildExtension(OID.freshestCRL, false, buildCrlDistributionPoints([freshestCrl])));
  }
  return extensions;
}

/** RFC 5280 section 4.2.1.6: critical where the subject is empty. */
function subjectAltName(names: SubjectAlternativeNames, subjectIsEmpty: boolean): Buffer[] {
  const generalNames = buildGeneralNames(names);
  if (generalNames !== null) return [buildExtension(OID.subjectAltName, subjectIsEmpty, generalNames)];
  if (subjectIsEmpty)
    throw new PkiError('invalid_name', 'A certificate needs a subject or a subject alternative name.');
  return [];
}

function isRsa(spkiDer: Uint8Array): boolean {
  return new DerReader(spkiDer).readSequence().readSequence().readOid() === RSA_ENCRYPTION;
}

function bytesOf(extension: { readonly rawData: ArrayBuffer }): Buffer {
  return Buffer.from(extension.rawData);
}

/** Reads the finished certificate as a stranger would: what differs from the plan must not leave the CA. */
function checkCertificate(der: Buffer, plan: CertificatePlan, signer: Signer): void {
  const fields = parseCertificateFields(der);
  const faults = Object.entries({
    serialNumber: fields.serialNumber.equals(canonicalSerialNumber(plan.serialNumber)),
    issuer: fields.issuerDer.equals(plan.issuerDer),
    subject: fields.subjectDer.equals(plan.subjectDer),
    subjectPublicKeyInfo: fields.spkiDer.equals(plan.spkiDer),
    notBefore: isSameSecond(fields.notBefore, plan.notBefore),
    notAfter: isSameSecond(fields.notAfter, plan.notAfter),
    signature: new X509Certificate(der).verify(signer.publicKey),
  }).flatMap(([part, isRight]) => (isRight ? [] : [part]));
  if (faults.length > 0) throw new Error(`the signed certificate is not what was planned: ${faults.join(', ')}`);
}

function isSameSecond(read: Date, planned: Date): boolean {
  return read.getTime() === Math.floor(planned.getTime() / 1000) * 1000;
}
