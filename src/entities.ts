import { ApiKeyEntity } from './access/api-key.entity.js';
import { AuditEventEntity } from './audit/audit-event.entity.js';
import {
  AuditCheckpointEntity,
  AuditForwarderEntity,
  AuditKeyEntity,
  AuditLeafEntity,
  AuditPendingEntity,
} from './audit/audit-seal.entity.js';
import { CertificateEntity } from './certificates/certificate.entity.js';
import { RevocationHistoryEntity } from './certificates/revocation-history.entity.js';
import { CrlBaseEntity } from './crl/crl-base.entity.js';
import { CrlChangeEntity } from './crl/crl-change.entity.js';
import { CrlChunkEntity } from './crl/crl-chunk.entity.js';
import { CrlEventEntity } from './crl/crl-event.entity.js';
import { CrlEntity } from './crl/crl.entity.js';
import { ExportQuotaEntity } from './export/export-quota.entity.js';
import { CrlDistributionPointEntity } from './issuers/crl-distribution-point.entity.js';
import { IssuerEntity } from './issuers/issuer.entity.js';
import { BlockedKeyEntity } from './keys/blocked-key.entity.js';
import { KeyEntity } from './keys/key.entity.js';
import { OcspResponderEntity } from './ocsp/ocsp-responder.entity.js';
import { OcspResponseEntity } from './ocsp/ocsp-response.entity.js';
import { PresignPositionEntity } from './ocsp/presign-position.entity.js';
import { ResponderNodeEntity } from './ocsp/responder-node.entity.js';
import { RevocationCounterEntity, RevocationFeedEntity } from './ocsp/revocation-feed.entity.js';
import { IdempotencyKeyEntity } from './idempotency/idempotency-key.entity.js';
import { RateLimitEntity } from './platform/rate-limit/rate-limit.entity.js';

/** Every table. A test holds them against the migrations. */
export const ENTITIES = [
  ApiKeyEntity,
  AuditCheckpointEntity,
  AuditEventEntity,
  AuditForwarderEntity,
  AuditKeyEntity,
  AuditLeafEntity,
  AuditPendingEntity,
  BlockedKeyEntity,
  CertificateEntity,
  CrlBaseEntity,
  CrlChangeEntity,
  CrlChunkEntity,
  CrlDistributionPointEntity,
  CrlEntity,
  CrlEventEntity,
  ExportQuotaEntity,
  IdempotencyKeyEntity,
  IssuerEntity,
  KeyEntity,
  OcspResponderEntity,
  OcspResponseEntity,
  PresignPositionEntity,
  RateLimitEntity,
  ResponderNodeEntity,
  RevocationCounterEntity,
  RevocationFeedEntity,
  RevocationHistoryEntity,
];
