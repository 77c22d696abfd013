import { randomBytes, X509Certificate } from 'node:crypto';
import { buildCertId, type CertIdIssuer } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';

const PATH = '/.well-known/pki/ocsp';
const NONCE_BYTES = 32;

export type RequestForm = 'POST' | 'GET' | 'POST with a nonce';

/** @param pem the issuer's certificate */
export function readIssuer(pem: string): CertIdIssuer {
  return parseCertificateFields(new X509Certificate(pem).raw);
}

/** The bytes of one HTTP request for each serial number, as an OCSP client sends them. */
export function buildRequests(issuer: CertIdIssuer, serialNumbers: readonly Buffer[], form: RequestForm): Buffer[] {
  return serialNumbers.map((serialNumber) => {
    const nonce = form === 'POST with a nonce' ? randomBytes(NONCE_BYTES) : null;
    const request = buildOcspRequest([buildCertId('sha1', issuer, serialNumber)], nonce);
    return form === 'GET' ? buildGet(request) : buildPost(request);
  });
}

function buildGet(request: Buffer): Buffer {
  const path = encodeURIComponent(request.toString('base64'));
  return Buffer.from(`GET ${PATH}/${path} HTTP/1.1\r\nHost: pki.example\r\nAccept: application/ocsp-response\r\n\r\n`);
}

function buildPost(request: Buffer): Buffer {
  const head =
    `POST ${PATH} HTTP/1.1\r\nHost: pki.example\r\nContent-Type: application/ocsp-request\r\n` +
    `Content-Length: ${request.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), request]);
}
