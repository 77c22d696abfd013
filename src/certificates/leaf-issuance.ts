import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import type { SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { Transactions } from '../platform/database/transaction.js';
import type { Caller } from '../platform/http/caller.js';
import { IssuanceService, type SignedCertificate } from './issuance.service.js';
import { ResponsePreparation } from './response-preparation.js';

export interface LeafRequest {
  readonly issuer: IssuerEntity;
  readonly subjectAlternativeNames: SubjectAlternativeNames;
  readonly subjectDer: Buffer;
  readonly subject: string;
  readonly spkiDer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Issues a leaf: signs, then commits certificate and audit event together, then has the OCSP response ready. */
@Injectable()
export class LeafIssuance {
  constructor(
    private readonly issuance: IssuanceService,
    private readonly responses: ResponsePreparation,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
  ) {}

  /**
   * @param answerTo what the caller is told, kept for those who repeat the call
   * @throws DomainError issuer_not_active, issuer_without_key, compromised_key, issuance_interrupted
   */
  async issue(
    { subjectAlternativeNames, ...request }: LeafRequest,
    caller: Caller,
    answerTo: (signed: SignedCertificate) => unknown = () => null,
  ): Promise<SignedCertificate> {
    const { issuer } = request;
    const signed = await this.issuance.sign({ ...request, profile: { kind: 'leaf', subjectAlternativeNames } });
    await this.transactions.run(async (tx) => {
      await this.issuance.confirm(tx, signed);
      await this.responses.enroll(tx, issuer.id, signed.serialNumber);
      await this.audit.record(tx, caller, {
        action: 'certificate.issue',
        subjectType: 'certificate',
        subjectId: signed.id,
        details: {
          issuer_id: issuer.id,
          serial_number: formatSerialNumber(signed.serialNumber),
          subject: signed.subject,
          subject_alternative_names: signed.subjectAlternativeNames,
          not_after: signed.notAfter.toISOString(),
        },
      });
      await caller.idempotentCall?.store(tx, 201, answerTo(signed));
    });
    // The first relying party must not find a responder that has to think.
    await this.responses.prepare(issuer.id, signed.serialNumber);
    return signed;
  }
}
