import { Injectable } from '@nestjs/common';
import {
  SubordinateIssuance,
  type SubordinateCertificate,
  type SubordinateRequest,
} from '../issuers/subordinate-issuance.js';
import { IssuanceService } from './issuance.service.js';
import { ResponsePreparation } from './response-preparation.js';

/** Intermediates stand in their parent's inventory like every other certificate. */
@Injectable()
export class IntermediateIssuance extends SubordinateIssuance {
  constructor(
    private readonly issuance: IssuanceService,
    private readonly responses: ResponsePreparation,
  ) {
    super();
  }

  override async signSubordinate({ parent, pathLength, ...rest }: SubordinateRequest): Promise<SubordinateCertificate> {
    const signed = await this.issuance.sign({ ...rest, issuer: parent, profile: { kind: 'intermediate', pathLength } });
    return {
      certificateDer: signed.certificateDer,
      confirm: async (tx) => {
        await this.issuance.confirm(tx, signed);
        await this.responses.enroll(tx, parent.id, signed.serialNumber);
      },
      prepareResponse: () => this.responses.prepare(parent.id, signed.serialNumber),
    };
  }
}
