import { Injectable } from '@nestjs/common';
import type { AuditAction } from '../audit/audit-action.js';
import { AuditService } from '../audit/audit.service.js';
import { CertificatesService } from '../certificates/certificates.service.js';
import { buildCertificatesOnlyPkcs7 } from '../pki/certificates-only-pkcs7.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { formatPem } from '../pki/pem.js';
import { buildPkcs12, PKCS12_CIPHER } from '../pki/pkcs12.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { Transactions } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { ExportQuota } from './export-quota.js';

export interface ExportedPem {
  readonly certificatePem: string;
  /** The certificates above it, nearest first. */
  readonly chainPem: string;
}

/** The bytes of a file, and what it may be called. */
export interface ExportedFile {
  readonly bytes: Buffer;
  /** Without a suffix. */
  readonly name: string;
}

interface Exported {
  readonly id: string;
  readonly issuerId: string;
  readonly serialNumber: string;
  readonly der: Buffer;
  readonly chain: readonly Buffer[];
}

/** Hands certificates out. *An export without its audit event does not happen:* it commits before the first byte leaves. */
@Injectable()
export class ExportService {
  constructor(
    private readonly certificates: CertificatesService,
    private readonly quota: ExportQuota,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
  ) {}

  /** @throws DomainError certificate_not_found, rate_limit_exceeded; so do the others */
  async exportPem(id: string, caller: Caller, download: boolean): Promise<ExportedPem & { readonly name: string }> {
    const exported = await this.take(id, caller);
    const certificatePem = formatPem('CERTIFICATE', exported.der);
    const chainPem = exported.chain.map((der) => formatPem('CERTIFICATE', der)).join('');
    await this.record('cert_export_pem', exported, caller, { download });
    return { certificatePem, chainPem, name: exported.serialNumber };
  }

  async exportDer(id: string, caller: Caller): Promise<ExportedFile> {
    const exported = await this.take(id, caller);
    await this.record('cert_export_der', exported, caller);
    return { bytes: exported.der, name: exported.serialNumber };
  }

  async exportPkcs7(id: string, caller: Caller): Promise<ExportedFile> {
    const exported = await this.take(id, caller);
    const bytes = buildCertificatesOnlyPkcs7([exported.der, ...exported.chain]);
    await this.record('cert_export_pkcs7', exported, caller);
    return { bytes, name: exported.serialNumber };
  }

  /** @param friendlyName of the certificate; without one its serial number. Those above it go by their subjects. */
  async exportPkcs12(
    id: string,
    { password, friendlyName }: { readonly password: string; readonly friendlyName: string | undefined },
    caller: Caller,
  ): Promise<ExportedFile> {
    const exported = await this.take(id, caller);
    const bytes = await buildPkcs12(
      [
        { der: exported.der, friendlyName: friendlyName ?? exported.serialNumber },
        ...exported.chain.map((der, index) => ({ der, friendlyName: chainName(der, index) })),
      ],
      password,
    );
    await this.record('cert_export_pkcs12', exported, caller, { cipher: PKCS12_CIPHER });
    return { bytes, name: exported.serialNumber };
  }

  private async take(id: string, caller: Caller): Promise<Exported> {
    await this.quota.take(caller.actor);
    const { certificate, issuer } = await this.certificates.get(id, caller.scope);
    if (certificate.certificateDer === null) {
      throw new DomainError('certificate_not_found', `The serial number of ${id} was given up before it was signed.`);
    }
    return {
      id,
      issuerId: issuer.id,
      serialNumber: formatSerialNumber(certificate.serialNumber),
      der: certificate.certificateDer,
      chain: [issuer.certificateDer, ...issuer.chainDer],
    };
  }

  private async record(
    action: AuditAction,
    { id, issuerId, serialNumber }: Exported,
    caller: Caller,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.transactions.run((tx) =>
      this.audit.record(tx, caller, {
        action,
        subjectType: 'certificate',
        subjectId: id,
        details: { issuer_id: issuerId, serial_number: serialNumber, has_private_key: false, ...more },
      }),
    );
  }
}

/** Characters that BMPString does not have are left out; tools want a name for each. */
function chainName(der: Buffer, index: number): string {
  const { serialNumber } = parseCertificateFields(der);
  return `CA ${index + 1} (${formatSerialNumber(serialNumber)})`;
}
