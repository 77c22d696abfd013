import type { Certificate, CreateIssuer, Issuer, Revocation } from '../../clients/typescript/src/schemas.js';
import type { OpensslWorkshop } from './openssl.js';
import type { TestApp } from './test-app.js';

/** An issuer as the REST interface shows it, where OCSP is on. */
export type IssuerJson = Issuer & { readonly ocsp_url: string; readonly crl_url: string };

/** A certificate that was issued, as the REST interface shows it. */
export type CertificateJson = Certificate & { readonly certificate_pem: string; readonly fingerprint_sha256: string };

/** What a revocation answers. */
export type RevocationJson = Revocation;

export interface Page<T> {
  readonly items: T[];
  readonly next_cursor: string | null;
}

export interface IssueOptions {
  readonly issuer?: string;
  readonly subject?: string;
  readonly validity?: string;
  readonly names?: Partial<Record<'dns' | 'ip' | 'email' | 'uri', string[]>>;
  /** A CSR that is there already; without it a new P-256 key makes one. */
  readonly csr?: string;
}

/** Makes issuers and certificates by the REST interface, and writes them where openssl finds them. */
export class IssuingDesk {
  private count = 0;

  constructor(
    private readonly app: TestApp,
    private readonly openssl: OpensslWorkshop,
  ) {}

  root(id: string, more: Record<string, unknown> = {}): Promise<IssuerJson> {
    return this.createIssuer({ id, name: id, kind: 'root', subject: `CN=${id}`, ...more });
  }

  intermediate(id: string, parentId: string, more: Record<string, unknown> = {}): Promise<IssuerJson> {
    return this.createIssuer({ id, name: id, kind: 'intermediate', parent_id: parentId, subject: `CN=${id}`, ...more });
  }

  async createIssuer(body: Record<string, unknown>): Promise<IssuerJson> {
    return (await this.app.client.createIssuer(body as unknown as CreateIssuer)) as IssuerJson;
  }

  async issue(options: IssueOptions = {}): Promise<CertificateJson> {
    const csr = options.csr ?? (await this.openssl.csr(options.subject ?? `/CN=host-${++this.count}.example.com`)).csr;
    const certificate = await this.app.client.issueCertificate({
      issuer_id: options.issuer ?? 'iss-local',
      csr,
      validity: options.validity,
      subject_alternative_names: options.names,
    });
    return certificate as CertificateJson;
  }

  /**
   * Gives a certificate another serial number in the inventory, before anybody has asked for it. The responses that were
   * signed in advance tell of the old one: they are forgotten.
   */
  async renumber(certificate: CertificateJson, serialNumber: string): Promise<void> {
    await this.forgetResponses(certificate);
    await this.app.dataSource.query('UPDATE certificates SET serial_number = $2 WHERE id = $1', [
      certificate.id,
      Buffer.from(serialNumber, 'hex'),
    ]);
  }

  /** Takes away what was signed in advance, as before the first question where responses are signed when asked for. */
  async forgetResponses({ id }: Pick<CertificateJson, 'id'>): Promise<void> {
    await this.app.dataSource.query(
      `DELETE FROM ocsp_responses r USING certificates c
        WHERE c.id = $1 AND r.issuer_id = c.issuer_id AND r.serial_number = c.serial_number`,
      [id],
    );
  }

  /** Files with the certificate, its issuer's certificate, and all above it up to the root. */
  async files(certificate: CertificateJson): Promise<{ cert: string; issuer: string; chain: string; root: string }> {
    const { certificate_pem: issuerPem } = await this.app.client.getIssuer(certificate.issuer_id);
    const above = certificate.chain_pem.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];
    return {
      cert: this.openssl.file(`${certificate.id}.pem`, certificate.certificate_pem),
      issuer: this.openssl.file(`issuer-${certificate.issuer_id}.pem`, issuerPem),
      chain: this.openssl.file(`chain-${certificate.issuer_id}.pem`, certificate.chain_pem),
      root: this.openssl.file(`root-of-${certificate.issuer_id}.pem`, above.at(-1) ?? ''),
    };
  }

  revoke({ id }: Pick<CertificateJson, 'id'>, body?: Record<string, unknown>): Promise<RevocationJson> {
    return this.app.client.revokeCertificate(id, body);
  }
}

/** The code of a problem, after a check that it is one with this status. */
export function problemCode(answer: {
  status: number;
  headers: Record<string, unknown>;
  json<T>(): T;
}): [status: number, code: string] {
  const problem = answer.json<{ status: number; code: string; type: string; title: string; detail: string }>();
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(problem.status).toBe(answer.status);
  expect(problem.type).toBe(`urn:certplane:error:${problem.code}`);
  expect(problem.detail).toMatch(/\S/);
  return [answer.status, problem.code];
}
