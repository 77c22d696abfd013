import { Agent, request as httpRequest } from 'node:http';
import { buildCertId, type CertId, type CertIdAlgorithm } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { DerReader } from '../../src/pki/der-reader.js';
import { constructedContextTag, TAG } from '../../src/pki/der-tags.js';
import { OID } from '../../src/pki/object-identifiers.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { readExtensions } from '../../src/pki/x509-elements.js';

const RESPONSE_STATUSES = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  '',
  'sigRequired',
  'unauthorized',
];
const CERT_STATUSES = ['good', 'revoked', 'unknown'];

/** What an OCSP response says of its one certificate. */
export interface OcspReading {
  /** The certificate's status of a successful response, else the name of the error. */
  readonly status: string;
  readonly der: Buffer;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** The responder's certificate, DER. */
  readonly responderDer: Buffer;
  /** The nonce of a successful response, or null. */
  readonly nonce: Buffer | null;
}

/** Reads a response that must be one. Of an error there are only the status and the bytes. */
export function readOcsp(der: Buffer): OcspReading {
  const response = new DerReader(der).readSequence();
  const status = RESPONSE_STATUSES[response.readEnumerated()] ?? '?';
  const responseBytes = response.optional(constructedContextTag(0))?.readSequence();
  if (responseBytes === undefined) return { status, der } as OcspReading;
  responseBytes.skip(TAG.oid);
  const basic = new DerReader(responseBytes.readOctetString()).readSequence();
  const tbs = basic.readSequence();
  basic.skip(TAG.sequence);
  basic.skip(TAG.bitString);
  const responderDer = basic.read(constructedContextTag(0)).readSequence().readElement();
  tbs.skip(constructedContextTag(2));
  const producedAt = tbs.readGeneralizedTime();
  const single = tbs.readSequence().readSequence();
  single.skip(TAG.sequence);
  const certStatus = CERT_STATUSES[(single.peekTag() ?? 0) & 0x1f] ?? '?';
  single.skip();
  const thisUpdate = single.readGeneralizedTime();
  const nextUpdate = single.read(constructedContextTag(0)).readGeneralizedTime();
  const nonce = readNonce(tbs.optional(constructedContextTag(1)));
  return { status: certStatus, der, producedAt, thisUpdate, nextUpdate, responderDer, nonce };
}

function readNonce(extensions: DerReader | null): Buffer | null {
  const nonce = extensions === null ? undefined : readExtensions(extensions).get(OID.pkixOcspNonce);
  return nonce === undefined ? null : new DerReader(nonce.value).readOctetString();
}

export interface Question {
  readonly body: Buffer;
  /** For GET: the request as it stands in the path. */
  readonly path: string;
}

/** An OCSP request for a serial number (hexadecimal) of an issuer (DER). */
export function ocspQuestion(
  issuerDer: Buffer,
  serialNumber: string,
  { nonce = null, algorithm = 'sha1' }: { nonce?: Buffer | null; algorithm?: CertIdAlgorithm } = {},
): Question {
  const certId = buildCertId(algorithm, parseCertificateFields(issuerDer), parseSerialNumber(serialNumber));
  return questionOf(certId, nonce);
}

/** An OCSP request for one certificate. */
export function questionOf(certId: CertId, nonce: Buffer | null): Question {
  const body = buildOcspRequest([certId], nonce);
  return { body, path: encodeURIComponent(body.toString('base64')) };
}

export type OcspMethod = 'POST' | 'GET';

/** A relying party that keeps its connections. */
export class OcspClient {
  private readonly agent = new Agent({ keepAlive: true });

  /** @param baseUrl of a plain listener */
  constructor(
    private readonly baseUrl: string,
    private readonly issuerId = 'iss-local',
  ) {}

  /** Asks, and expects HTTP 200 with an OCSP body whatever it says. */
  async ask(question: Question, method: OcspMethod = 'POST'): Promise<OcspReading> {
    const { status, contentType, body } = await this.exchange(question, method);
    if (status !== 200 || contentType !== 'application/ocsp-response') {
      throw new Error(`OCSP was answered with HTTP ${status}, ${String(contentType)}: ${body.toString('latin1')}`);
    }
    return readOcsp(body);
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(
    { body, path }: Question,
    method: OcspMethod,
  ): Promise<{ status: number | undefined; contentType: string | undefined; body: Buffer }> {
    const url = `${this.baseUrl}/.well-known/pki/ocsp/${this.issuerId}${method === 'GET' ? `/${path}` : ''}`;
    const headers = method === 'GET' ? {} : { 'content-type': 'application/ocsp-request' };
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, { method, headers, agent: this.agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode,
            contentType: response.headers['content-type'],
            body: Buffer.concat(chunks),
          }),
        );
      });
      request.once('error', reject);
      request.end(method === 'GET' ? undefined : body);
    });
  }
}
