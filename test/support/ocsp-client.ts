import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import * as pkijs from 'pkijs';

const NONCE = '1.3.6.1.5.5.7.48.1.2';

/** OCSPResponseStatus of RFC 6960 section 4.2.1. */
export const OCSP_STATUS = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;

export interface DecodedSingle {
  readonly serialNumber: string;
  readonly hashAlgorithm: string;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revokedAt: Date | null;
  readonly reason: number | null;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  readonly extensionCount: number;
}

export interface DecodedOcsp {
  readonly responderStatus: number;
  readonly singles: DecodedSingle[];
  /** Hexadecimal; null unless the ResponderID is byKey. */
  readonly responderKeyHash: string | null;
  readonly producedAt: Date | null;
  /** The contents of the nonce's OCTET STRING in responseExtensions, hexadecimal. */
  readonly nonce: string | null;
  readonly extensionCount: number;
  readonly certificates: { readonly der: Buffer; readonly keyHash: string }[];
}

/** What pkijs reads in the DER of an OCSPResponse. */
export function decodeOcsp(der: Uint8Array): DecodedOcsp {
  const response = pkijs.OCSPResponse.fromBER(der);
  const responderStatus = response.responseStatus.valueBlock.valueDec;
  if (response.responseBytes === undefined) {
    return {
      responderStatus,
      singles: [],
      responderKeyHash: null,
      producedAt: null,
      nonce: null,
      extensionCount: 0,
      certificates: [],
    };
  }
  const basic = pkijs.BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView);
  const { responses, responderID, producedAt, responseExtensions = [] } = basic.tbsResponseData;
  const nonce = responseExtensions.find(({ extnID }) => extnID === NONCE);
  const keyHash = responderID as { valueBlock?: { valueHexView?: Uint8Array } };
  return {
    responderStatus,
    singles: responses.map(decodeSingle),
    responderKeyHash: keyHash.valueBlock?.valueHexView === undefined ? null : hex(keyHash.valueBlock.valueHexView),
    producedAt,
    // The value is an OCTET STRING in the extension's own.
    nonce: nonce === undefined ? null : hex(nonce.extnValue.valueBlock.valueHexView).replace(/^04(?:81)?..(?=.)/, ''),
    extensionCount: responseExtensions.length,
    certificates: (basic.certs ?? []).map((certificate) => ({
      der: Buffer.from(certificate.toSchema(true).toBER()),
      keyHash: createHash('sha1')
        .update(certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView)
        .digest('hex'),
    })),
  };
}

function decodeSingle(single: pkijs.SingleResponse): DecodedSingle {
  const status = single.certStatus as {
    idBlock: { tagNumber: number };
    valueBlock: { value: { toDate?(): Date; valueBlock: { value: { valueBlock: { valueDec: number } }[] } }[] };
  };
  const name = (['good', 'revoked', 'unknown'] as const)[status.idBlock.tagNumber]!;
  const [revokedAt, reason] = name === 'revoked' ? status.valueBlock.value : [];
  return {
    serialNumber: hex(single.certID.serialNumber.valueBlock.valueHexView).replace(/^00/, ''),
    hashAlgorithm: single.certID.hashAlgorithm.algorithmId,
    status: name,
    revokedAt: revokedAt?.toDate?.() ?? null,
    reason: reason?.valueBlock.value[0]?.valueBlock.valueDec ?? null,
    thisUpdate: single.thisUpdate,
    nextUpdate: single.nextUpdate ?? null,
    extensionCount: single.singleExtensions?.length ?? 0,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Sends raw bytes to a plain listener, half-closes if asked to, and resolves to what came until the other side closed. */
export function exchangeBytes(port: number, bytes: string | Uint8Array, halfClose = true): Promise<Buffer> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => {
      if (halfClose) socket.end(bytes);
      else socket.write(bytes);
    });
    socket.on('data', (chunk) => received.push(chunk));
    // What a reset cuts off is for the test to notice.
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(Buffer.concat(received)));
  });
}
