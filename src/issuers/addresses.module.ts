import { Module } from '@nestjs/common';
import { CrlDistributionPoints } from './crl-distribution-points.js';
import { RelyingPartyAddresses } from './relying-party-addresses.js';

const provided = [RelyingPartyAddresses, CrlDistributionPoints];

/** What goes into certificates as addresses: issuers keep them, and issuance writes them. */
@Module({ providers: provided, exports: provided })
export class AddressesModule {}
