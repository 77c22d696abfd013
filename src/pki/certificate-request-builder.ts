import type { Buffer } from 'node:buffer';
import { TAG, constructedContextTag } from './der-tags.js';
import { bitString, integer, oid, sequence, set, tlv } from './der-writer.js';
import { buildGeneralNames } from './general-names.js';
import { OID } from './object-identifiers.js';
import type { Signer } from './signer.js';
import type { SubjectAlternativeNames } from './subject-alternative-names.js';
import { buildExtension } from './x509-elements.js';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** What a PKCS #10 request asks for. */
export interface CertificateRequestPlan {
  /** May be the empty name. */
  readonly subjectDer: Uint8Array;
  /** In canonical form: see validateSubjectAlternativeNames. */
  readonly subjectAlternativeNames: SubjectAlternativeNames;
}

/** Builds the DER of a CertificationRequest (RFC 2986 section 4), signed with the key that it is for. */
export async function buildCertificateRequest(plan: CertificateRequestPlan, signer: Signer): Promise<Buffer> {
  const info = sequence(
    integer(0),
    plan.subjectDer,
    signer.publicKey.export({ format: 'der', type: 'spki' }),
    tlv(constructedContextTag(0), ...buildAttributes(plan)),
  );
  return sequence(info, signer.algorithm.der, bitString(await signer.sign(info)));
}

/** RFC 2985 section 5.4.2: the extensions that the certificate should have. */
function buildAttributes({ subjectDer, subjectAlternativeNames }: CertificateRequestPlan): Buffer[] {
  const generalNames = buildGeneralNames(subjectAlternativeNames);
  if (generalNames === null) return [];
  // RFC 5280 section 4.2.1.6: critical where the subject is empty.
  const isEmpty = subjectDer[0] === TAG.sequence && subjectDer[1] === 0;
  const extensions = sequence(buildExtension(OID.subjectAltName, isEmpty, generalNames));
  return [sequence(oid(EXTENSION_REQUEST), set(extensions))];
}
