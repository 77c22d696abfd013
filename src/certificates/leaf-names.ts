import type { CertificateRequest } from '../pki/certificate-request.js';
import { PkiError } from '../pki/pki-error.js';
import { validateSubjectAlternativeNames, type SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import type { IssueCertificate } from './certificate.schemas.js';

/**
 * The names of a leaf: those that the caller gives stand instead of those in the CSR, so that a CSR can't smuggle in
 * another. Without either, a common name that is a host name or an address becomes one.
 * @throws PkiError invalid_name
 */
export function leafNames(
  request: CertificateRequest,
  given: IssueCertificate['subject_alternative_names'],
): SubjectAlternativeNames {
  if (given !== undefined) {
    const named = Object.entries(given).filter(([, list]) => list !== undefined);
    const names = validateSubjectAlternativeNames(Object.fromEntries(named));
    if (count(names) > 0) return names;
  }
  if (count(request.subjectAlternativeNames) > 0) return request.subjectAlternativeNames;
  const fromCommonName = namesOfCommonName(request.commonName);
  if (count(fromCommonName) === 0 && request.subject === '') {
    throw new PkiError(
      'invalid_name',
      'The certificate would have no name: put a subject or subject alternative names into the CSR, or send subject_alternative_names.',
    );
  }
  return fromCommonName;
}

const count = (names: SubjectAlternativeNames): number =>
  names.dns.length + names.ip.length + names.email.length + names.uri.length;

function namesOfCommonName(commonName: string | null): SubjectAlternativeNames {
  for (const kind of ['ip', 'dns'] as const) {
    try {
      return validateSubjectAlternativeNames(commonName === null ? {} : { [kind]: [commonName] });
    } catch (error) {
      // Not a name of this kind: a person's name, for example, is none.
      if (!(error instanceof PkiError)) throw error;
    }
  }
  return validateSubjectAlternativeNames({});
}
