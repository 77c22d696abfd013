// Generated from docs/openapi.json by `npm run docs`.
/* oxlint-disable max-lines -- as long as the interface is wide */
import { eachItem, type Page } from './page.js';
import { segment, type Call, type CallOptions, type FileAnswer, type WriteOptions } from './call.js';
import type {
  CreateApiKey,
  ApiKeyWithSecret,
  ApiKey,
  RotateApiKey,
  Whoami,
  CreateIssuer,
  Issuer,
  UpdateIssuer,
  IssueCertificate,
  Certificate,
  CertificateSummary,
  CrlCache,
  OcspCache,
  OcspRefresh,
  ExplainOcsp,
  OcspExplanation,
  OcspResponders,
  OcspResponder,
  RevokeCertificate,
  Revocation,
  RevokeCertificates,
  Revocations,
  Release,
  ExportedPem,
  ExportPkcs12,
  HealthAnswer,
  ReadyAnswer,
  ListAuditEventsQuery,
  AuditEvent,
  ListAuditCheckpointsQuery,
  AuditCheckpoint,
  ListAuditCheckpointsAnswer,
  ExportAuditTrailQuery,
  ListApiKeysQuery,
  ListIssuersQuery,
  ListCertificatesQuery,
  ExportCertificatePemQuery,
} from './schemas.js';

/** Every operation of the REST interface, under its operationId. */
export abstract class Operations {
  protected abstract send<T>(call: Call, options?: WriteOptions): Promise<T>;
  protected abstract stream(call: Call, options?: CallOptions): AsyncGenerator<string, void>;

  /**
   * Is the process alive?
   *
   * `GET /health`
   */
  health(options?: CallOptions): Promise<HealthAnswer> {
    return this.send(
      { operation: 'health', method: 'GET', path: '/health', answer: 'json', statuses: [200], anonymous: true },
      options,
    );
  }

  /**
   * May this instance get traffic? If not, what is missing?
   *
   * `GET /ready`
   */
  ready(options?: CallOptions): Promise<ReadyAnswer> {
    return this.send(
      { operation: 'ready', method: 'GET', path: '/ready', answer: 'json', statuses: [200, 503], anonymous: true },
      options,
    );
  }

  /**
   * All metrics, in the text format of Prometheus.
   *
   * `GET /api/v1/metrics/prometheus`
   */
  getMetrics(options?: CallOptions): Promise<string> {
    return this.send(
      { operation: 'getMetrics', method: 'GET', path: '/api/v1/metrics/prometheus', answer: 'text', statuses: [200] },
      options,
    );
  }

  /**
   * List audit events, newest first.
   *
   * `GET /api/v1/audit`
   *
   * @throws ProblemError invalid_request, invalid_cursor
   */
  listAuditEvents(query: ListAuditEventsQuery = {}, options?: CallOptions): Promise<Page<AuditEvent>> {
    return this.send(
      {
        operation: 'listAuditEvents',
        method: 'GET',
        path: '/api/v1/audit',
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /** All that {@link listAuditEvents} lists, page by page. */
  eachAuditEvent(
    query: Omit<ListAuditEventsQuery, 'cursor'> = {},
    options?: CallOptions,
  ): AsyncGenerator<AuditEvent, void> {
    return eachItem((cursor) => this.listAuditEvents({ ...query, cursor }, options));
  }

  /**
   * List the signed checkpoints of the audit trail, newest first, and the keys that verify them.
   *
   * `GET /api/v1/audit/checkpoints`
   *
   * @throws ProblemError invalid_request, invalid_cursor
   */
  listAuditCheckpoints(
    query: ListAuditCheckpointsQuery = {},
    options?: CallOptions,
  ): Promise<ListAuditCheckpointsAnswer> {
    return this.send(
      {
        operation: 'listAuditCheckpoints',
        method: 'GET',
        path: '/api/v1/audit/checkpoints',
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /** All that {@link listAuditCheckpoints} lists, page by page. */
  eachAuditCheckpoint(
    query: Omit<ListAuditCheckpointsQuery, 'cursor'> = {},
    options?: CallOptions,
  ): AsyncGenerator<AuditCheckpoint, void> {
    return eachItem((cursor) => this.listAuditCheckpoints({ ...query, cursor }, options));
  }

  /**
   * Export the sealed audit trail, to be verified elsewhere.
   *
   * `GET /api/v1/audit/export`
   *
   * @throws ProblemError invalid_request
   */
  exportAuditTrail(query: ExportAuditTrailQuery = {}, options?: CallOptions): AsyncGenerator<string, void> {
    return this.stream(
      {
        operation: 'exportAuditTrail',
        method: 'GET',
        path: '/api/v1/audit/export',
        query: { ...query },
        answer: 'lines',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Make an API key; its secret is shown this once.
   *
   * `POST /api/v1/api-keys`
   *
   * @throws ProblemError invalid_request, invalid_json, forbidden, issuer_not_found, api_key_exists, idempotency_in_progress
   */
  createApiKey(body: CreateApiKey, options?: WriteOptions): Promise<ApiKeyWithSecret> {
    return this.send(
      {
        operation: 'createApiKey',
        method: 'POST',
        path: '/api/v1/api-keys',
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [201],
      },
      options,
    );
  }

  /**
   * List API keys, newest first.
   *
   * `GET /api/v1/api-keys`
   *
   * @throws ProblemError invalid_request, invalid_cursor
   */
  listApiKeys(query: ListApiKeysQuery = {}, options?: CallOptions): Promise<Page<ApiKey>> {
    return this.send(
      {
        operation: 'listApiKeys',
        method: 'GET',
        path: '/api/v1/api-keys',
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /** All that {@link listApiKeys} lists, page by page. */
  eachApiKey(query: Omit<ListApiKeysQuery, 'cursor'> = {}, options?: CallOptions): AsyncGenerator<ApiKey, void> {
    return eachItem((cursor) => this.listApiKeys({ ...query, cursor }, options));
  }

  /**
   * Show an API key.
   *
   * `GET /api/v1/api-keys/{id}`
   *
   * @throws ProblemError invalid_request, api_key_not_found
   */
  getApiKey(id: string, options?: CallOptions): Promise<ApiKey> {
    return this.send(
      {
        operation: 'getApiKey',
        method: 'GET',
        path: `/api/v1/api-keys/${segment('id', id)}`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Give an API key a new secret; the one until now stays good for a while.
   *
   * `POST /api/v1/api-keys/{id}/rotate`
   *
   * @throws ProblemError invalid_request, invalid_json, forbidden, api_key_not_found, api_key_not_active, idempotency_in_progress
   */
  rotateApiKey(id: string, body?: RotateApiKey, options?: WriteOptions): Promise<ApiKeyWithSecret> {
    return this.send(
      {
        operation: 'rotateApiKey',
        method: 'POST',
        path: `/api/v1/api-keys/${segment('id', id)}/rotate`,
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Revoke an API key; repeating it gives the first result.
   *
   * `POST /api/v1/api-keys/{id}/revoke`
   *
   * @throws ProblemError invalid_request, invalid_json, api_key_not_found, last_admin_key, idempotency_in_progress
   */
  revokeApiKey(id: string, options?: WriteOptions): Promise<ApiKey> {
    return this.send(
      {
        operation: 'revokeApiKey',
        method: 'POST',
        path: `/api/v1/api-keys/${segment('id', id)}/revoke`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Who am I, and what may I do?
   *
   * `GET /api/v1/whoami`
   *
   * @throws ProblemError forbidden
   */
  whoami(options?: CallOptions): Promise<Whoami> {
    return this.send(
      { operation: 'whoami', method: 'GET', path: '/api/v1/whoami', answer: 'json', statuses: [200] },
      options,
    );
  }

  /**
   * Create a root or an intermediate, or import a CA.
   *
   * `POST /api/v1/issuers`
   *
   * @throws ProblemError invalid_request, invalid_name, invalid_pem, invalid_certificate, key_mismatch, weak_key, unsupported_key, compromised_key, validity_exceeds_issuer, path_length_exceeded, invalid_json, issuer_not_found, issuer_exists, issuer_not_active, issuer_without_key, issuance_interrupted, idempotency_in_progress
   */
  createIssuer(body: CreateIssuer, options?: WriteOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'createIssuer',
        method: 'POST',
        path: '/api/v1/issuers',
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [201],
      },
      options,
    );
  }

  /**
   * List issuers, by id.
   *
   * `GET /api/v1/issuers`
   *
   * @throws ProblemError invalid_request, invalid_cursor
   */
  listIssuers(query: ListIssuersQuery = {}, options?: CallOptions): Promise<Page<Issuer>> {
    return this.send(
      {
        operation: 'listIssuers',
        method: 'GET',
        path: '/api/v1/issuers',
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /** All that {@link listIssuers} lists, page by page. */
  eachIssuer(query: Omit<ListIssuersQuery, 'cursor'> = {}, options?: CallOptions): AsyncGenerator<Issuer, void> {
    return eachItem((cursor) => this.listIssuers({ ...query, cursor }, options));
  }

  /**
   * Show an issuer.
   *
   * `GET /api/v1/issuers/{id}`
   *
   * @param id Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found
   */
  getIssuer(id: string, options?: CallOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'getIssuer',
        method: 'GET',
        path: `/api/v1/issuers/${segment('id', id)}`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Change the name or the settings of an issuer.
   *
   * `PATCH /api/v1/issuers/{id}`
   *
   * @param id Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError invalid_request, invalid_json, issuer_not_found, issuer_without_key
   */
  updateIssuer(id: string, body: UpdateIssuer, options?: WriteOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'updateIssuer',
        method: 'PATCH',
        path: `/api/v1/issuers/${segment('id', id)}`,
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Stop issuing, until enabled again; CRL and OCSP go on.
   *
   * `POST /api/v1/issuers/{id}/disable`
   *
   * @param id Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found, issuer_status_conflict, idempotency_in_progress
   */
  disableIssuer(id: string, options?: WriteOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'disableIssuer',
        method: 'POST',
        path: `/api/v1/issuers/${segment('id', id)}/disable`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Issue again after disable.
   *
   * `POST /api/v1/issuers/{id}/enable`
   *
   * @param id Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found, issuer_status_conflict, idempotency_in_progress
   */
  enableIssuer(id: string, options?: WriteOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'enableIssuer',
        method: 'POST',
        path: `/api/v1/issuers/${segment('id', id)}/enable`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Stop issuing for good; CRL and OCSP go on.
   *
   * `POST /api/v1/issuers/{id}/retire`
   *
   * @param id Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found, issuer_status_conflict, idempotency_in_progress
   */
  retireIssuer(id: string, options?: WriteOptions): Promise<Issuer> {
    return this.send(
      {
        operation: 'retireIssuer',
        method: 'POST',
        path: `/api/v1/issuers/${segment('id', id)}/retire`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Issue a certificate for a CSR.
   *
   * `POST /api/v1/certificates`
   *
   * @throws ProblemError invalid_request, invalid_pem, invalid_csr, csr_signature_invalid, weak_key, unsupported_key, compromised_key, invalid_name, validity_exceeds_issuer, validity_exceeds_limit, invalid_json, issuer_not_found, issuer_not_active, issuer_without_key, issuance_interrupted, idempotency_in_progress
   */
  issueCertificate(body: IssueCertificate, options?: WriteOptions): Promise<Certificate> {
    return this.send(
      {
        operation: 'issueCertificate',
        method: 'POST',
        path: '/api/v1/certificates',
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [201],
      },
      options,
    );
  }

  /**
   * List certificates, newest first.
   *
   * `GET /api/v1/certificates`
   *
   * @throws ProblemError invalid_request, invalid_cursor, invalid_serial_number
   */
  listCertificates(query: ListCertificatesQuery = {}, options?: CallOptions): Promise<Page<CertificateSummary>> {
    return this.send(
      {
        operation: 'listCertificates',
        method: 'GET',
        path: '/api/v1/certificates',
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /** All that {@link listCertificates} lists, page by page. */
  eachCertificate(
    query: Omit<ListCertificatesQuery, 'cursor'> = {},
    options?: CallOptions,
  ): AsyncGenerator<CertificateSummary, void> {
    return eachItem((cursor) => this.listCertificates({ ...query, cursor }, options));
  }

  /**
   * Show a certificate.
   *
   * `GET /api/v1/certificates/{id}`
   *
   * @throws ProblemError invalid_request, certificate_not_found
   */
  getCertificate(id: string, options?: CallOptions): Promise<Certificate> {
    return this.send(
      {
        operation: 'getCertificate',
        method: 'GET',
        path: `/api/v1/certificates/${segment('id', id)}`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * How every CRL stands.
   *
   * `GET /api/v1/admin/crl/cache`
   */
  getCrlCache(options?: CallOptions): Promise<CrlCache> {
    return this.send(
      { operation: 'getCrlCache', method: 'GET', path: '/api/v1/admin/crl/cache', answer: 'json', statuses: [200] },
      options,
    );
  }

  /**
   * Build all CRLs of an issuer now, and say how they stand.
   *
   * `POST /api/v1/admin/crl/{issuer_id}/regenerate`
   *
   * @param issuerId Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found, crl_published_elsewhere, crl_build_failed, database_unavailable
   */
  regenerateCrl(issuerId: string, options?: WriteOptions): Promise<CrlCache> {
    return this.send(
      {
        operation: 'regenerateCrl',
        method: 'POST',
        path: `/api/v1/admin/crl/${segment('issuer_id', issuerId)}/regenerate`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * How the OCSP caches and nodes stand.
   *
   * `GET /api/v1/admin/ocsp/cache`
   */
  getOcspCache(options?: CallOptions): Promise<OcspCache> {
    return this.send(
      { operation: 'getOcspCache', method: 'GET', path: '/api/v1/admin/ocsp/cache', answer: 'json', statuses: [200] },
      options,
    );
  }

  /**
   * Sign all responses of an issuer anew.
   *
   * `POST /api/v1/admin/ocsp/cache/{issuer_id}/refresh`
   *
   * @param issuerId Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError issuer_not_found
   */
  refreshOcspCache(issuerId: string, options?: WriteOptions): Promise<OcspRefresh> {
    return this.send(
      {
        operation: 'refreshOcspCache',
        method: 'POST',
        path: `/api/v1/admin/ocsp/cache/${segment('issuer_id', issuerId)}/refresh`,
        answer: 'json',
        statuses: [202],
      },
      options,
    );
  }

  /**
   * What would OCSP answer, and why: for a request in base64 or DER, or a serial number.
   *
   * `POST /api/v1/admin/ocsp/explain`
   *
   * @throws ProblemError invalid_request, invalid_serial_number, invalid_json, issuer_not_found
   */
  explainOcsp(body: ExplainOcsp, options?: WriteOptions): Promise<OcspExplanation> {
    return this.send(
      {
        operation: 'explainOcsp',
        method: 'POST',
        path: '/api/v1/admin/ocsp/explain',
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * The delegated OCSP responders of all issuers.
   *
   * `GET /api/v1/admin/ocsp/responders`
   */
  listOcspResponders(options?: CallOptions): Promise<OcspResponders> {
    return this.send(
      {
        operation: 'listOcspResponders',
        method: 'GET',
        path: '/api/v1/admin/ocsp/responders',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Replace the OCSP responder of an issuer now; what the old one signed stays valid.
   *
   * `POST /api/v1/admin/ocsp/responders/{issuer_id}/rotate`
   *
   * @param issuerId Stands in the addresses of its CRL and OCSP responder, for ever.
   * @throws ProblemError invalid_request, invalid_json, issuer_not_found, issuer_not_active, issuer_without_key, idempotency_in_progress
   */
  rotateOcspResponder(issuerId: string, options?: WriteOptions): Promise<OcspResponder> {
    return this.send(
      {
        operation: 'rotateOcspResponder',
        method: 'POST',
        path: `/api/v1/admin/ocsp/responders/${segment('issuer_id', issuerId)}/rotate`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Revoke a certificate or put it on hold; repeating it gives the first result.
   *
   * `POST /api/v1/certificates/{id}/revoke`
   *
   * @throws ProblemError invalid_request, hold_not_allowed, invalid_json, certificate_not_found
   */
  revokeCertificate(id: string, body?: RevokeCertificate, options?: WriteOptions): Promise<Revocation> {
    return this.send(
      {
        operation: 'revokeCertificate',
        method: 'POST',
        path: `/api/v1/certificates/${segment('id', id)}/revoke`,
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Revoke up to 1000 certificates, and wait once for all.
   *
   * `POST /api/v1/certificates/revoke`
   *
   * @throws ProblemError invalid_request, hold_not_allowed, invalid_json, certificate_not_found
   */
  revokeCertificates(body: RevokeCertificates, options?: WriteOptions): Promise<Revocations> {
    return this.send(
      {
        operation: 'revokeCertificates',
        method: 'POST',
        path: '/api/v1/certificates/revoke',
        body,
        contentType: 'application/json',
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Take a certificate off hold.
   *
   * `POST /api/v1/certificates/{id}/release`
   *
   * @throws ProblemError invalid_request, invalid_json, certificate_not_found, certificate_not_on_hold, idempotency_in_progress
   */
  releaseCertificate(id: string, options?: WriteOptions): Promise<Release> {
    return this.send(
      {
        operation: 'releaseCertificate',
        method: 'POST',
        path: `/api/v1/certificates/${segment('id', id)}/release`,
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Export a certificate and those above it as PEM.
   *
   * `GET /api/v1/certificates/{id}/export/pem`
   *
   * @throws ProblemError invalid_request, certificate_not_found, rate_limit_exceeded, too_many_attempts
   */
  exportCertificatePem(id: string, query: ExportCertificatePemQuery = {}, options?: CallOptions): Promise<ExportedPem> {
    return this.send(
      {
        operation: 'exportCertificatePem',
        method: 'GET',
        path: `/api/v1/certificates/${segment('id', id)}/export/pem`,
        query: { ...query },
        answer: 'json',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Export a certificate as DER.
   *
   * `GET /api/v1/certificates/{id}/export/der`
   *
   * @throws ProblemError invalid_request, certificate_not_found, rate_limit_exceeded, too_many_attempts
   */
  exportCertificateDer(id: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'exportCertificateDer',
        method: 'GET',
        path: `/api/v1/certificates/${segment('id', id)}/export/der`,
        answer: 'file',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Export a certificate and those above it as PKCS #7.
   *
   * `GET /api/v1/certificates/{id}/export/pkcs7`
   *
   * @throws ProblemError invalid_request, certificate_not_found, rate_limit_exceeded, too_many_attempts
   */
  exportCertificatePkcs7(id: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'exportCertificatePkcs7',
        method: 'GET',
        path: `/api/v1/certificates/${segment('id', id)}/export/pkcs7`,
        answer: 'file',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Export a certificate and those above it as PKCS #12, without a private key.
   *
   * `POST /api/v1/certificates/{id}/export/pkcs12`
   *
   * @throws ProblemError invalid_request, invalid_json, certificate_not_found, rate_limit_exceeded, too_many_attempts
   */
  exportCertificatePkcs12(id: string, body: ExportPkcs12, options?: WriteOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'exportCertificatePkcs12',
        method: 'POST',
        path: `/api/v1/certificates/${segment('id', id)}/export/pkcs12`,
        body,
        contentType: 'application/json',
        answer: 'file',
        statuses: [200],
      },
      options,
    );
  }

  /**
   * Ask for a status; the CertID finds the issuer.
   *
   * `POST /.well-known/pki/ocsp`
   *
   * @throws ProblemError not_found
   */
  ocspPost(body: Uint8Array, options?: WriteOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'ocspPost',
        method: 'POST',
        path: '/.well-known/pki/ocsp',
        body,
        contentType: 'application/ocsp-request',
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * Ask an issuer for a status.
   *
   * `POST /.well-known/pki/ocsp/{issuer_id}`
   *
   * @throws ProblemError not_found
   */
  ocspPostToIssuer(issuerId: string, body: Uint8Array, options?: WriteOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'ocspPostToIssuer',
        method: 'POST',
        path: `/.well-known/pki/ocsp/${segment('issuer_id', issuerId)}`,
        body,
        contentType: 'application/ocsp-request',
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * Ask an issuer for a status by GET (RFC 6960 appendix A.1), or by a serial number alone.
   *
   * `GET /.well-known/pki/ocsp/{issuer_id}/{request}`
   *
   * @param request The base64 of the OCSPRequest, or in the short form the serial number in hexadecimal.
   * @throws ProblemError not_found
   */
  ocspGet(issuerId: string, request: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'ocspGet',
        method: 'GET',
        path: `/.well-known/pki/ocsp/${segment('issuer_id', issuerId)}/${segment('request', request)}`,
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The complete CRL of an issuer (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}`
   *
   * @throws ProblemError issuer_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrl(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrl',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The complete CRL of an issuer (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}.crl`
   *
   * @throws ProblemError issuer_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrlWithExtension(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrlWithExtension',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}.crl`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The complete CRL of an issuer (PEM).
   *
   * `GET /.well-known/pki/crl/{issuer_id}.pem`
   *
   * @throws ProblemError issuer_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrlPem(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrlPem',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}.pem`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * A shard of the CRL of an issuer (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/{shard}`
   *
   * @param shard In decimal, from 0, as in the CRL distribution point of the certificates that are on it.
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrlShard(issuerId: string, shard: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrlShard',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/${segment('shard', shard)}`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * A shard of the CRL of an issuer (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/{shard}.crl`
   *
   * @param shard In decimal, from 0, as in the CRL distribution point of the certificates that are on it.
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrlShardWithExtension(issuerId: string, shard: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrlShardWithExtension',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/${segment('shard', shard)}.crl`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * A shard of the CRL of an issuer (PEM).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/{shard}.pem`
   *
   * @param shard In decimal, from 0, as in the CRL distribution point of the certificates that are on it.
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getCrlShardPem(issuerId: string, shard: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCrlShardPem',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/${segment('shard', shard)}.pem`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The delta CRL of an issuer, which goes with its complete CRL (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/delta`
   *
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getDeltaCrl(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getDeltaCrl',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/delta`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The delta CRL of an issuer, which goes with its complete CRL (DER).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/delta.crl`
   *
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getDeltaCrlWithExtension(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getDeltaCrlWithExtension',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/delta.crl`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The delta CRL of an issuer, which goes with its complete CRL (PEM).
   *
   * `GET /.well-known/pki/crl/{issuer_id}/delta.pem`
   *
   * @throws ProblemError issuer_not_found, crl_not_found, crl_published_elsewhere, precondition_failed, range_not_satisfiable, internal_error, crl_not_ready, database_unavailable
   */
  getDeltaCrlPem(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getDeltaCrlPem',
        method: 'GET',
        path: `/.well-known/pki/crl/${segment('issuer_id', issuerId)}/delta.pem`,
        answer: 'file',
        statuses: [200, 206],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The CA certificate (DER).
   *
   * `GET /.well-known/pki/ca/{issuer_id}`
   *
   * @throws ProblemError issuer_not_found, internal_error, database_unavailable
   */
  getCaCertificate(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCaCertificate',
        method: 'GET',
        path: `/.well-known/pki/ca/${segment('issuer_id', issuerId)}`,
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The CA certificate (PEM).
   *
   * `GET /.well-known/pki/ca/{issuer_id}.pem`
   *
   * @throws ProblemError issuer_not_found, internal_error, database_unavailable
   */
  getCaCertificatePem(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCaCertificatePem',
        method: 'GET',
        path: `/.well-known/pki/ca/${segment('issuer_id', issuerId)}.pem`,
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }

  /**
   * The CA certificate and those above it (PKCS #7, certificates only).
   *
   * `GET /.well-known/pki/ca/{issuer_id}.p7c`
   *
   * @throws ProblemError issuer_not_found, internal_error, database_unavailable
   */
  getCaCertificateChain(issuerId: string, options?: CallOptions): Promise<FileAnswer> {
    return this.send(
      {
        operation: 'getCaCertificateChain',
        method: 'GET',
        path: `/.well-known/pki/ca/${segment('issuer_id', issuerId)}.p7c`,
        answer: 'file',
        statuses: [200],
        anonymous: true,
      },
      options,
    );
  }
}
