import { Buffer } from 'node:buffer';
import { Certificate, ContentInfo, EncapsulatedContentInfo, SignedData } from 'pkijs';

/**
 * The DER of a SignedData without signers that carries these certificates in this order (RFC 5652 section 5, RFC 8551
 * section 3.8): what `.p7c` files hold.
 */
export function buildCertificatesOnlyPkcs7(certificates: readonly Uint8Array[]): Buffer {
  const ders = certificates.map((der) => Buffer.from(der));
  const signedData = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: ContentInfo.DATA }),
    certificates: ders.map((der) => Certificate.fromBER(der)),
  });
  const contentInfo = new ContentInfo({ contentType: ContentInfo.SIGNED_DATA, content: signedData.toSchema(true) });
  const pkcs7 = Buffer.from(contentInfo.toSchema().toBER());
  // The library reads the certificates and writes them anew.
  if (!ders.every((der) => pkcs7.includes(der))) throw new Error('a certificate changed on its way into PKCS #7');
  return pkcs7;
}
