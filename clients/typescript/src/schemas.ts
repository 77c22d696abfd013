// Generated from docs/openapi.json by `npm run docs`.
/* oxlint-disable max-lines -- as long as the interface is wide */

/** The version of Certplane that this client was made for. */
export const API_VERSION = '0.1.0';

export interface CreateApiKey {
  /** Who it is for. The audit trail knows the key by it; only one live key has it. */
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'auditor' | 'metrics';
  /** The issuers that it is limited to. Without it: all. */
  readonly issuer_ids?: ReadonlyArray<string> | undefined;
  /** The certificate profiles that it is limited to. Without it: all. */
  readonly profiles?: ReadonlyArray<'leaf' | 'intermediate' | 'ocsp-responder'> | undefined;
  /** Without it the key is good until it is revoked. */
  readonly expires_at?: string | undefined;
}

export interface ApiKeyWithSecret {
  readonly id: string;
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'auditor' | 'metrics';
  /** Null: all. */
  readonly issuer_ids: ReadonlyArray<string> | null;
  /** Null: all. */
  readonly profiles: ReadonlyArray<string> | null;
  readonly status: 'active' | 'expired' | 'revoked';
  readonly created_at: string;
  readonly expires_at: string | null;
  /** To the minute or so. */
  readonly last_used_at: string | null;
  /** Until when the secret before the last rotation is good; null when it is not any more. */
  readonly previous_valid_until: string | null;
  readonly revoked_at: string | null;
  /** The secret. It is shown this once: what is stored is its hash. */
  readonly key: string;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'auditor' | 'metrics';
  /** Null: all. */
  readonly issuer_ids: ReadonlyArray<string> | null;
  /** Null: all. */
  readonly profiles: ReadonlyArray<string> | null;
  readonly status: 'active' | 'expired' | 'revoked';
  readonly created_at: string;
  readonly expires_at: string | null;
  /** To the minute or so. */
  readonly last_used_at: string | null;
  /** Until when the secret before the last rotation is good; null when it is not any more. */
  readonly previous_valid_until: string | null;
  readonly revoked_at: string | null;
}

export interface RotateApiKey {
  /** How long the secret until now stays good beside the new one. `0s`: not at all. Default: `"1h"`. */
  readonly overlap?: string | undefined;
}

export interface Whoami {
  /** What the audit trail calls you: `api-key:<name>` or `client-cert:<name>`. */
  readonly actor: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'auditor' | 'metrics' | null;
  readonly permissions: ReadonlyArray<
    | 'issuers:read'
    | 'issuers:manage'
    | 'certificates:read'
    | 'certificates:issue'
    | 'certificates:revoke'
    | 'certificates:export'
    | 'ocsp:read'
    | 'ocsp:manage'
    | 'crl:admin'
    | 'audit:read'
    | 'api_keys:manage'
    | 'metrics:read'
    | 'self:read'
  >;
  /** The issuers that you are limited to. Null: all. */
  readonly issuer_ids: ReadonlyArray<string> | null;
  /** The certificate profiles that you are limited to. Null: all. */
  readonly profiles: ReadonlyArray<string> | null;
  /** When your API key ends by itself. */
  readonly expires_at: string | null;
  /** Where the audit trail says that you are. */
  readonly source_address: string | null;
}

export type CreateIssuer =
  | {
      /** Stands in the addresses of its CRL and OCSP responder, for ever. */
      readonly id: string;
      readonly name: string;
      /** Keep to the CA/B Baseline Requirements: TLS lifetimes are limited and certificateHold is refused. For publicly trusted issuers. Default: `false`. */
      readonly baseline_requirements?: boolean | undefined;
      /** Over how many CRLs certificates issued from then on are spread; their distribution point names one of them. With 1 it names the complete CRL, which is always there. Default: `1`. */
      readonly crl_shards?: number | undefined;
      /** How often a delta CRL is published when nothing changes. `off` or `0s`: no delta CRL; null: CERTPLANE_CRL_DELTA_INTERVAL says. */
      readonly crl_delta_interval?: string | null | undefined;
      /** Keep certificates on the CRLs after they have expired, and say so there (expiredCertsOnCRL). Default: `false`. */
      readonly expired_certs_on_crl?: boolean | undefined;
      /** What is done with the signature of an OCSP request: `ignore` it, `verify` it where there is one, `require` one. Default: `"ignore"`. */
      readonly ocsp_request_signature?: 'ignore' | 'verify' | 'require' | undefined;
      /** The CAs (PEM) whose certificates may sign OCSP requests; needed for `verify` and `require`. */
      readonly ocsp_requester_cas_pem?: string | undefined;
      /** One of ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096, ed25519. Case and punctuation do not matter. */
      readonly key_algorithm?: string | undefined;
      /** The subject: text in the form of RFC 4514, or its attributes. */
      readonly subject:
        | string
        | {
            readonly common_name?: string | undefined;
            readonly organization?: string | undefined;
            readonly organizational_unit?: string | undefined;
            readonly locality?: string | undefined;
            readonly state?: string | undefined;
            readonly country?: string | undefined;
          };
      /** pathLenConstraint. Default: none for a root, 0 for an intermediate. */
      readonly path_length?: number | undefined;
      readonly kind: 'root';
      /** Default: `"3650d"`. */
      readonly validity?: string | undefined;
    }
  | {
      /** Stands in the addresses of its CRL and OCSP responder, for ever. */
      readonly id: string;
      readonly name: string;
      /** Keep to the CA/B Baseline Requirements: TLS lifetimes are limited and certificateHold is refused. For publicly trusted issuers. Default: `false`. */
      readonly baseline_requirements?: boolean | undefined;
      /** Over how many CRLs certificates issued from then on are spread; their distribution point names one of them. With 1 it names the complete CRL, which is always there. Default: `1`. */
      readonly crl_shards?: number | undefined;
      /** How often a delta CRL is published when nothing changes. `off` or `0s`: no delta CRL; null: CERTPLANE_CRL_DELTA_INTERVAL says. */
      readonly crl_delta_interval?: string | null | undefined;
      /** Keep certificates on the CRLs after they have expired, and say so there (expiredCertsOnCRL). Default: `false`. */
      readonly expired_certs_on_crl?: boolean | undefined;
      /** What is done with the signature of an OCSP request: `ignore` it, `verify` it where there is one, `require` one. Default: `"ignore"`. */
      readonly ocsp_request_signature?: 'ignore' | 'verify' | 'require' | undefined;
      /** The CAs (PEM) whose certificates may sign OCSP requests; needed for `verify` and `require`. */
      readonly ocsp_requester_cas_pem?: string | undefined;
      /** One of ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096, ed25519. Case and punctuation do not matter. */
      readonly key_algorithm?: string | undefined;
      /** The subject: text in the form of RFC 4514, or its attributes. */
      readonly subject:
        | string
        | {
            readonly common_name?: string | undefined;
            readonly organization?: string | undefined;
            readonly organizational_unit?: string | undefined;
            readonly locality?: string | undefined;
            readonly state?: string | undefined;
            readonly country?: string | undefined;
          };
      /** pathLenConstraint. Default: none for a root, 0 for an intermediate. */
      readonly path_length?: number | undefined;
      readonly kind: 'intermediate';
      /** Stands in the addresses of its CRL and OCSP responder, for ever. */
      readonly parent_id: string;
      /** Default: `"1825d"`. */
      readonly validity?: string | undefined;
    }
  | {
      /** Stands in the addresses of its CRL and OCSP responder, for ever. */
      readonly id: string;
      readonly name: string;
      /** Keep to the CA/B Baseline Requirements: TLS lifetimes are limited and certificateHold is refused. For publicly trusted issuers. Default: `false`. */
      readonly baseline_requirements?: boolean | undefined;
      /** Over how many CRLs certificates issued from then on are spread; their distribution point names one of them. With 1 it names the complete CRL, which is always there. Default: `1`. */
      readonly crl_shards?: number | undefined;
      /** How often a delta CRL is published when nothing changes. `off` or `0s`: no delta CRL; null: CERTPLANE_CRL_DELTA_INTERVAL says. */
      readonly crl_delta_interval?: string | null | undefined;
      /** Keep certificates on the CRLs after they have expired, and say so there (expiredCertsOnCRL). Default: `false`. */
      readonly expired_certs_on_crl?: boolean | undefined;
      /** What is done with the signature of an OCSP request: `ignore` it, `verify` it where there is one, `require` one. Default: `"ignore"`. */
      readonly ocsp_request_signature?: 'ignore' | 'verify' | 'require' | undefined;
      /** The CAs (PEM) whose certificates may sign OCSP requests; needed for `verify` and `require`. */
      readonly ocsp_requester_cas_pem?: string | undefined;
      readonly kind: 'imported';
      readonly certificate_pem: string;
      /** The certificates above it, in any order. */
      readonly chain_pem?: string | undefined;
      /** PKCS#8, PKCS#1 or SEC 1, not encrypted. Without it the CA is known here, but issues nothing, and its CRL and OCSP are elsewhere. */
      readonly private_key_pem?: string | undefined;
    };

export interface Issuer {
  readonly id: string;
  readonly name: string;
  readonly kind: 'root' | 'intermediate' | 'imported';
  readonly status: 'active' | 'disabled' | 'retired';
  readonly parent_id: string | null;
  readonly key_algorithm: 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519';
  readonly subject: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly path_length: number | null;
  readonly baseline_requirements: boolean;
  readonly crl_shards: number;
  /** A duration; `0s`: no delta CRL; null: as configured. */
  readonly crl_delta_interval: string | null;
  readonly expired_certs_on_crl: boolean;
  readonly ocsp_request_signature: 'ignore' | 'verify' | 'require';
  readonly ocsp_requester_cas_pem: string;
  readonly certificate_pem: string;
  /** The certificates above it, nearest first; empty for a root. */
  readonly chain_pem: string;
  /** Null where OCSP is turned off, or the private key is not here. */
  readonly ocsp_url: string | null;
  /** The complete CRL. Null where the private key is not here. */
  readonly crl_url: string | null;
  readonly ca_issuers_url: string;
  readonly created_at: string;
}

export interface UpdateIssuer {
  readonly name?: string | undefined;
  /** Keep to the CA/B Baseline Requirements: TLS lifetimes are limited and certificateHold is refused. For publicly trusted issuers. */
  readonly baseline_requirements?: boolean | undefined;
  /** Over how many CRLs certificates issued from then on are spread; their distribution point names one of them. With 1 it names the complete CRL, which is always there. */
  readonly crl_shards?: number | undefined;
  /** How often a delta CRL is published when nothing changes. `off` or `0s`: no delta CRL; null: CERTPLANE_CRL_DELTA_INTERVAL says. */
  readonly crl_delta_interval?: string | null | undefined;
  /** Keep certificates on the CRLs after they have expired, and say so there (expiredCertsOnCRL). */
  readonly expired_certs_on_crl?: boolean | undefined;
}

export interface IssueCertificate {
  /** Stands in the addresses of its CRL and OCSP responder, for ever. */
  readonly issuer_id: string;
  /** A PKCS #10 certification request, PEM. */
  readonly csr: string;
  /** For example `90d`. It may not outlive the issuer. Default: `"90d"`. */
  readonly validity?: string | undefined;
  /** Stand instead of those in the CSR. Without either, a common name that is a host name becomes one. */
  readonly subject_alternative_names?:
    | {
        readonly dns?: ReadonlyArray<string> | undefined;
        readonly ip?: ReadonlyArray<string> | undefined;
        readonly email?: ReadonlyArray<string> | undefined;
        readonly uri?: ReadonlyArray<string> | undefined;
      }
    | undefined;
}

export interface Certificate {
  readonly id: string;
  readonly issuer_id: string;
  /** Lower-case hexadecimal. */
  readonly serial_number: string;
  readonly profile: 'leaf' | 'intermediate' | 'ocsp-responder';
  readonly status: 'active' | 'revoked' | 'expired';
  /** RFC 4514. */
  readonly subject: string;
  readonly subject_alternative_names: {
    readonly dns: ReadonlyArray<string>;
    readonly ip: ReadonlyArray<string>;
    readonly email: ReadonlyArray<string>;
    readonly uri: ReadonlyArray<string>;
  };
  readonly not_before: string;
  readonly not_after: string;
  /** Null for a serial number that was given up after a crash. */
  readonly fingerprint_sha256: string | null;
  readonly revoked_at: string | null;
  readonly revocation_reason:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise'
    | null;
  readonly invalidity_date: string | null;
  readonly certificate_pem: string | null;
  /** The certificates above it, nearest first. */
  readonly chain_pem: string;
  /** What happened to its status, oldest first, and what was so after each step. */
  readonly revocation_history: ReadonlyArray<RevocationStep>;
}

export interface RevocationStep {
  readonly occurred_at: string;
  /** `correct`: a revocation that was final already got another reason or another date. */
  readonly action: 'hold' | 'revoke' | 'release' | 'correct';
  /** As in the audit trail. */
  readonly actor: string;
  readonly reason:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise'
    | null;
  readonly revoked_at: string | null;
  readonly invalidity_date: string | null;
}

export interface CertificateSummary {
  readonly id: string;
  readonly issuer_id: string;
  /** Lower-case hexadecimal. */
  readonly serial_number: string;
  readonly profile: 'leaf' | 'intermediate' | 'ocsp-responder';
  readonly status: 'active' | 'revoked' | 'expired';
  /** RFC 4514. */
  readonly subject: string;
  readonly subject_alternative_names: {
    readonly dns: ReadonlyArray<string>;
    readonly ip: ReadonlyArray<string>;
    readonly email: ReadonlyArray<string>;
    readonly uri: ReadonlyArray<string>;
  };
  readonly not_before: string;
  readonly not_after: string;
  /** Null for a serial number that was given up after a crash. */
  readonly fingerprint_sha256: string | null;
  readonly revoked_at: string | null;
  readonly revocation_reason:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise'
    | null;
  readonly invalidity_date: string | null;
}

export interface CrlCache {
  readonly cache_rows: ReadonlyArray<{
    readonly issuer_id: string;
    readonly kind: 'complete' | 'shard' | 'delta';
    /** From 0; null where the kind is not `shard`. */
    readonly shard: number | null;
    /** False: this CRL was never built. */
    readonly cache_present: boolean;
    readonly crl_number: string | null;
    readonly this_update: string | null;
    readonly next_update: string | null;
    /** When its build began. */
    readonly generated_at: string | null;
    readonly generation_duration_ms: number | null;
    readonly revoked_count: number | null;
    readonly size_bytes: number | null;
    /** Nothing is published, it has expired, or a change of status is not on it for longer than it should take. */
    readonly is_stale: boolean;
    /** The last builds, newest first. */
    readonly recent_events: ReadonlyArray<{
      readonly started_at: string;
      readonly duration_ms: number;
      readonly succeeded: boolean;
      /** Null when the build failed before it took one. */
      readonly crl_number: string | null;
      readonly revoked_count: number | null;
      readonly error: string | null;
    }>;
  }>;
  readonly row_count: number;
  readonly generated_at: string;
}

export interface OcspCache {
  readonly issuers: ReadonlyArray<{
    readonly issuer_id: string;
    readonly good: number;
    readonly revoked: number;
    /** Due at once: the certificate is new, or was revoked a moment ago. */
    readonly unsigned: number;
    readonly fresh: number;
    /** Past half of their validity, or unsigned. */
    readonly due: number;
    readonly oldest_produced_at: string | null;
  }>;
  /** Of the process that answered this. */
  readonly memory: {
    readonly entries: number;
    readonly bytes: number;
    readonly max_bytes: number;
    readonly hits: number;
    readonly misses: number;
  };
  readonly nodes: ReadonlyArray<{
    readonly id: string;
    /** Host and process id. */
    readonly name: string;
    readonly this_process: boolean;
    /** True: it has no lease, and no revocation waits for it. */
    readonly silent: boolean;
    /** How many revocations it has not applied yet. */
    readonly behind: number;
    readonly lease_seconds: number;
    readonly renewed_at: string;
    readonly started_at: string;
  }>;
  /** Whether this process may answer from memory now. */
  readonly lease_running: boolean;
}

export interface OcspRefresh {
  readonly issuer_id: string;
  /** How many responses will be signed anew. */
  readonly due: number;
}

export interface ExplainOcsp {
  /** An OCSPRequest in base64. Its bytes may also be sent as they are, as application/ocsp-request. */
  readonly request?: string | undefined;
  /** The issuer that the address names; needed with a serial number. */
  readonly issuer_id?: string | undefined;
  /** Instead of a request: hexadecimal, in any writing. */
  readonly serial_number?: string | undefined;
}

export interface OcspExplanation {
  /** good, revoked, unknown, several, or an OCSP error status. */
  readonly answer: string;
  readonly why: string;
  readonly issuer_id: string | null;
  readonly certificates: ReadonlyArray<{
    readonly serial_number: string;
    readonly cert_id_algorithm:
      'sha1' | 'sha256' | 'sha384' | 'sha512' | 'sha1-absent' | 'sha256-absent' | 'sha384-absent' | 'sha512-absent';
    readonly id: string | null;
    readonly subject: string | null;
    readonly status: 'active' | 'revoked' | 'expired' | 'reserved' | 'unknown';
    readonly why: string;
  }>;
  /** Where the answer comes from now. */
  readonly layer: 'memory' | 'database' | 'signature' | null;
  /** The delegated responder whose key signs now. */
  readonly responder: {
    readonly serial_number: string;
    readonly not_after: string;
  } | null;
  readonly nonce: boolean;
  readonly signed: boolean;
  readonly produced_at: string | null;
  readonly this_update: string | null;
  readonly next_update: string | null;
  readonly refresh_at: string | null;
}

export interface OcspResponders {
  readonly items: ReadonlyArray<OcspResponder>;
}

export interface OcspResponder {
  readonly issuer_id: string;
  readonly id: string;
  /** `previous`: it signs no more, and stays until the last response that it signed has expired. */
  readonly state: 'current' | 'previous';
  readonly serial_number: string;
  readonly subject: string;
  readonly not_before: string;
  readonly not_after: string;
  /** Whether this instance can sign with its key. */
  readonly key_usable: boolean;
  readonly created_at: string;
}

export interface RevokeCertificate {
  /** CRLReason of RFC 5280 section 5.3.1. `certificateHold` can be released, or become final by another reason; any other is final, and can only be corrected to `keyCompromise`. Default: `"unspecified"`. */
  readonly reason?:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise'
    | undefined;
  /** Since when it is revoked, if not since now. Not in the future, and not before the certificate begins to be valid. The date of a revocation can only be moved back: by a correction to `keyCompromise`, or when a hold becomes final. */
  readonly revoked_at?: string | undefined;
  /** Since when the key is suspected of being compromised (RFC 5280 section 5.3.2). Not in the future. */
  readonly invalidity_date?: string | undefined;
}

export interface Revocation {
  readonly id: string;
  readonly serial_number: string;
  readonly status: 'revoked';
  readonly reason:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise';
  readonly revoked_at: string;
  readonly invalidity_date: string | null;
  /** Every OCSP request that starts after this answer is told `revoked`. */
  readonly visible: {
    readonly ocsp: true;
    /** How many processes answer OCSP from memory. */
    readonly nodes: number;
    /** How long this call waited for them. */
    readonly waited_ms: number;
  };
}

export interface RevokeCertificates {
  /** CRLReason of RFC 5280 section 5.3.1. `certificateHold` can be released, or become final by another reason; any other is final, and can only be corrected to `keyCompromise`. Default: `"unspecified"`. */
  readonly reason?:
    | 'unspecified'
    | 'keyCompromise'
    | 'cACompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | 'privilegeWithdrawn'
    | 'aACompromise'
    | undefined;
  /** Since when it is revoked, if not since now. Not in the future, and not before the certificate begins to be valid. The date of a revocation can only be moved back: by a correction to `keyCompromise`, or when a hold becomes final. */
  readonly revoked_at?: string | undefined;
  /** Since when the key is suspected of being compromised (RFC 5280 section 5.3.2). Not in the future. */
  readonly invalidity_date?: string | undefined;
  /** Up to 1000; the answer tells of each of them. */
  readonly ids: ReadonlyArray<string>;
}

export interface Revocations {
  readonly items: ReadonlyArray<{
    readonly id: string;
    readonly serial_number: string;
    readonly status: 'revoked';
    readonly reason:
      | 'unspecified'
      | 'keyCompromise'
      | 'cACompromise'
      | 'affiliationChanged'
      | 'superseded'
      | 'cessationOfOperation'
      | 'certificateHold'
      | 'privilegeWithdrawn'
      | 'aACompromise';
    readonly revoked_at: string;
    readonly invalidity_date: string | null;
  }>;
  /** Every OCSP request that starts after this answer is told `revoked`. */
  readonly visible: {
    readonly ocsp: true;
    /** How many processes answer OCSP from memory. */
    readonly nodes: number;
    /** How long this call waited for them. */
    readonly waited_ms: number;
  };
}

export interface Release {
  readonly id: string;
  readonly serial_number: string;
  readonly status: 'active' | 'expired';
  readonly released_at: string;
  /** Every OCSP request that starts after this answer is told `good`, unless it is revoked again. */
  readonly visible: {
    readonly ocsp: true;
    /** How many processes answer OCSP from memory. */
    readonly nodes: number;
    /** How long this call waited for them. */
    readonly waited_ms: number;
  };
}

export interface ExportedPem {
  readonly certificate_pem: string;
  /** The certificates above it, nearest first. */
  readonly chain_pem: string;
  /** Both, as servers want them. */
  readonly full_pem: string;
}

export interface ExportPkcs12 {
  /** What the file is opened with. It is not kept. */
  readonly password: string;
  /** What tools list the certificate under. */
  readonly friendly_name?: string | undefined;
}

/** Problem details (RFC 9457). `code` is stable. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What is wrong, and how to mend it. */
  readonly detail: string;
  readonly code:
    | 'invalid_request'
    | 'invalid_json'
    | 'invalid_cursor'
    | 'invalid_pem'
    | 'invalid_csr'
    | 'csr_signature_invalid'
    | 'weak_key'
    | 'unsupported_key'
    | 'compromised_key'
    | 'invalid_name'
    | 'invalid_serial_number'
    | 'invalid_certificate'
    | 'invalid_crl'
    | 'key_mismatch'
    | 'validity_exceeds_issuer'
    | 'validity_exceeds_limit'
    | 'path_length_exceeded'
    | 'hold_not_allowed'
    | 'unauthorized'
    | 'forbidden'
    | 'not_found'
    | 'issuer_not_found'
    | 'certificate_not_found'
    | 'api_key_not_found'
    | 'crl_not_found'
    | 'crl_published_elsewhere'
    | 'crl_not_ready'
    | 'crl_build_failed'
    | 'method_not_allowed'
    | 'issuer_exists'
    | 'issuer_not_active'
    | 'issuer_without_key'
    | 'issuer_status_conflict'
    | 'issuance_interrupted'
    | 'api_key_exists'
    | 'api_key_not_active'
    | 'last_admin_key'
    | 'idempotency_in_progress'
    | 'certificate_not_on_hold'
    | 'precondition_failed'
    | 'body_too_large'
    | 'unsupported_media_type'
    | 'range_not_satisfiable'
    | 'idempotency_key_reused'
    | 'rate_limit_exceeded'
    | 'too_many_attempts'
    | 'internal_error'
    | 'database_unavailable';
  /** The log and the audit trail know the call by it. */
  readonly request_id?: string | undefined;
  /** Each fault of the request, where there may be several. */
  readonly errors?:
    | ReadonlyArray<{
        readonly field: string;
        readonly message: string;
      }>
    | undefined;
  /** Beside `code`, where too much was exported. */
  readonly error?: 'rate_limit_exceeded' | undefined;
  /** As Retry-After says. */
  readonly retry_after_seconds?: number | undefined;
}

export interface HealthAnswer {
  readonly status: 'ok';
}

export interface ReadyAnswer {
  readonly ready: boolean;
  /** `ok`, or what is missing, by the name of the check. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface ListAuditEventsQuery {
  /** How many at the most. Default: `50`. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly action?:
    | 'access.refuse'
    | 'api_key.create'
    | 'api_key.rotate'
    | 'api_key.revoke'
    | 'issuer.create'
    | 'issuer.update'
    | 'issuer.disable'
    | 'issuer.enable'
    | 'issuer.retire'
    | 'certificate.issue'
    | 'certificate.revoke'
    | 'certificate.release'
    | 'cert_export_pem'
    | 'cert_export_der'
    | 'cert_export_pkcs7'
    | 'cert_export_pkcs12'
    | 'cert_export_failed'
    | 'ocsp_responder.issue'
    | 'ocsp_responder.rotate'
    | 'ocsp_cache.refresh'
    | 'crl.publish'
    | 'crl.regenerate'
    | 'audit.export'
    | 'audit_key.create'
    | 'audit_key.retire'
    | undefined;
  /** Who did it, or tried to. */
  readonly actor?: string | undefined;
  readonly outcome?: 'success' | 'refused' | undefined;
  readonly subject_type?:
    'issuer' | 'certificate' | 'api_key' | 'ocsp_responder' | 'route' | 'audit' | 'audit_key' | undefined;
  /** What was acted upon, for example the id of a certificate. */
  readonly subject_id?: string | undefined;
  /** What happened at this time or later. */
  readonly from?: string | undefined;
  /** What happened before this time. */
  readonly to?: string | undefined;
}

export interface AuditEvent {
  readonly id: string;
  readonly occurred_at: string;
  /** `api-key:<name>`, or `system:<component>` for what Certplane does by itself. */
  readonly actor: string;
  readonly action: string;
  readonly outcome: 'success' | 'refused';
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly source_address: string | null;
  readonly request_id: string | null;
  /** Where something was changed, `before` and `after` say what. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface ListAuditCheckpointsQuery {
  /** How many at the most. Default: `50`. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface AuditCheckpoint {
  /** How many events it covers: those at the positions below this. */
  readonly tree_size: number;
  /** The root of the Merkle tree over them (RFC 9162), hexadecimal. */
  readonly root_hash: string;
  readonly signed_at: string;
  readonly key_id: string;
  /** The checkpoint as a signed note (C2SP tlog-checkpoint), to be kept elsewhere. */
  readonly note: string;
}

export interface ListAuditCheckpointsAnswer {
  readonly items: ReadonlyArray<AuditCheckpoint>;
  readonly next_cursor: string | null;
  /** Every key that ever signed a checkpoint, the first one first. */
  readonly public_keys: ReadonlyArray<{
    readonly id: string;
    /** Ed25519. */
    readonly public_key_pem: string;
    readonly created_at: string;
    /** Null for the one that signs. */
    readonly retired_at: string | null;
  }>;
}

export interface ExportAuditTrailQuery {
  /** What was sealed at this time or later. */
  readonly from?: string | undefined;
  /** What was sealed before this time. */
  readonly to?: string | undefined;
}

export interface ListApiKeysQuery {
  /** How many at the most. Default: `50`. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly status?: 'active' | 'expired' | 'revoked' | undefined;
}

export interface ListIssuersQuery {
  /** How many at the most. Default: `50`. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface ListCertificatesQuery {
  /** How many at the most. Default: `50`. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
  /** Stands in the addresses of its CRL and OCSP responder, for ever. */
  readonly issuer_id?: string | undefined;
  readonly status?: 'active' | 'revoked' | 'expired' | undefined;
  readonly profile?: 'leaf' | 'intermediate' | 'ocsp-responder' | undefined;
  /** Hexadecimal, in any writing: upper case, colons, 0x and leading zeros do not matter. */
  readonly serial_number?: string | undefined;
  readonly expires_before?: string | undefined;
}

export interface ExportCertificatePemQuery {
  /** `true`: a file with the certificate and those above it, instead of JSON. Default: `"false"`. */
  readonly download?: 'true' | 'false' | undefined;
}
