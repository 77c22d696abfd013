import { ApiKeyEntity } from './access/api-key.entity.js';
import { AuditEventEntity } from './audit/audit-event.entity.js';
import { BlockedKeyEntity } from './certificates/blocked-key.entity.js';
import { CertificateEntity } from './certificates/certificate.entity.js';
import { CrlEntity } from './crl/crl.entity.js';
import { IssuerEntity } from './issuers/issuer.entity.js';
import { KeyEntity } from './keys/key.entity.js';
import { OcspResponderEntity } from './ocsp/ocsp-responder.entity.js';
import { OcspResponseEntity } from './ocsp/ocsp-response.entity.js';

/** Every table. A test holds them against the migrations. */
export const ENTITIES = [
  ApiKeyEntity,
  AuditEventEntity,
  BlockedKeyEntity,
  CertificateEntity,
  CrlEntity,
  IssuerEntity,
  KeyEntity,
  OcspResponderEntity,
  OcspResponseEntity,
];
