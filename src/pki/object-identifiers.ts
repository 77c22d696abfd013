/** Object identifiers, by the names that the RFCs give them. */
export const OID = {
  // RFC 5280 section 4.2.1 and 5.2, 5.3
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  cRLNumber: '2.5.29.20',
  cRLReason: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCRLIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  freshestCRL: '2.5.29.46',
  // ITU-T X.509, the CRL extensions
  expiredCertsOnCRL: '2.5.29.60',
  // RFC 5280 section 4.2.2
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  adOcsp: '1.3.6.1.5.5.7.48.1',
  adCaIssuers: '1.3.6.1.5.5.7.48.2',
  // RFC 5280 section 4.2.1.12
  kpServerAuth: '1.3.6.1.5.5.7.3.1',
  kpClientAuth: '1.3.6.1.5.5.7.3.2',
  kpOcspSigning: '1.3.6.1.5.5.7.3.9',
  // RFC 6960 section 4
  pkixOcspBasic: '1.3.6.1.5.5.7.48.1.1',
  pkixOcspNonce: '1.3.6.1.5.5.7.48.1.2',
  pkixOcspNocheck: '1.3.6.1.5.5.7.48.1.5',
  // RFC 3279 section 2.2.1, RFC 5754 section 2
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  // RFC 5652 section 4 and 8, RFC 7292 section 4.2.3, RFC 2985 section 5.5.1
  pkcs7Data: '1.2.840.113549.1.7.1',
  pkcs7EncryptedData: '1.2.840.113549.1.7.6',
  pkcs12CertBag: '1.2.840.113549.1.12.10.1.3',
  pkcs9X509Certificate: '1.2.840.113549.1.9.22.1',
  pkcs9FriendlyName: '1.2.840.113549.1.9.20',
  // What the JDK marks a trusted certificate with
  oracleTrustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const;
