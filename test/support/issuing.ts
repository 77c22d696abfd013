import type { OpensslWorkshop } from './openssl.js';
import type { TestApp } from './test-app.js';

/** An issuer as the REST interface shows it. */
export interface IssuerJson {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly parent_id: string | null;
  readonly key_algorithm: string;
  readonly subject: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly path_length: number | null;
  readonly baseline_requirements: boolean;
  readonly crl_shards: number;
  readonly crl_delta_interval: string | null;
  readonly expired_certs_on_crl: boolean;
  readonly certificate_pem: string;
  readonly chain_pem: string;
  readonly ocsp_url: string;
  readonly crl_url: string;
  readonly ca_issuers_url: string;
}

/** A certificate as the REST interface shows it. */
export interface CertificateJson {
  readonly id: string;
  readonly issuer_id: string;
  readonly serial_number: string;
  readonly profile: string;
  readonly status: string;
  readonly subject: string;
  readonly subject_alternative_names: Record<'dns' | 'ip' | 'email' | 'uri', string[]>;
  readonly not_before: string;
  readonly not_after: string;
  readonly fingerprint_sha256: string;
  readonly certificate_pem: string;
  readonly chain_pem: string;
  readonly revoked_at: string | null;
  readonly revocation_reason: string | null;
}

/** What a revocation answers. */
export interface RevocationJson {
  readonly id: string;
  readonly serial_number: string;
  readonly status: string;
  readonly reason: string;
  readonly revoked_at: string;
  readonly visible: { readonly ocsp: boolean; readonly nodes: number; readonly waited_ms: number };
}

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

  createIssuer(body: Record<string, unknown>): Promise<IssuerJson> {
    return this.app.api.create<IssuerJson>('/api/v1/issuers', body);
  }

  async issue(options: IssueOptions = {}): Promise<CertificateJson> {
    const csr = options.csr ?? (await this.openssl.csr(options.subject ?? `/CN=host-${++this.count}.example.com`)).csr;
    return this.app.api.create<CertificateJson>('/api/v1/certificates', {
      issuer_id: options.issuer ?? 'iss-local',
      csr,
      ...(options.validity === undefined ? {} : { validity: options.validity }),
      ...(options.names === undefined ? {} : { subject_alternative_names: options.names }),
    });
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
    const { certificate_pem: issuerPem } = await this.app.api.fetch<IssuerJson>(
      `/api/v1/issuers/${certificate.issuer_id}`,
    );
    const above = certificate.chain_pem.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];
    return {
      cert: this.openssl.file(`${certificate.id}.pem`, certificate.certificate_pem),
      issuer: this.openssl.file(`issuer-${certificate.issuer_id}.pem`, issuerPem),
      chain: this.openssl.file(`chain-${certificate.issuer_id}.pem`, certificate.chain_pem),
      root: this.openssl.file(`root-of-${certificate.issuer_id}.pem`, above.at(-1) ?? ''),
    };
  }

  revoke(certificate: Pick<CertificateJson, 'id'>, body?: Record<string, unknown>): Promise<RevocationJson> {
    return this.app.api.create(`/api/v1/certificates/${certificate.id}/revoke`, body);
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
