import { Injectable } from '@nestjs/common';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import {
  SubordinateIssuance,
  type SubordinateCertificate,
  type SubordinateRequest,
} from '../issuers/subordinate-issuance.js';
import { IssuanceService } from './issuance.service.js';

/** Intermediates stand in their parent's inventory like every other certificate. */
@Injectable()
export class IntermediateIssuance extends SubordinateIssuance {
  constructor(
    private readonly issuance: IssuanceService,
    private readonly addresses: RelyingPartyAddresses,
  ) {
    super();
  }

  override async signSubordinate({ parent, pathLength, ...rest }: SubordinateRequest): Promise<SubordinateCertificate> {
    const signed = await this.issuance.sign({
      ...rest,
      issuer: parent,
      profile: { kind: 'intermediate', pathLength, urls: this.addresses.of(parent.id) },
    });
    return { certificateDer: signed.certificateDer, confirm: (tx) => this.issuance.confirm(tx, signed) };
  }
}
