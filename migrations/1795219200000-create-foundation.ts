import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys, issuers, certificates, OCSP, CRL, audit, API keys. */
export class CreateFoundation1795219200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys (
        id uuid CONSTRAINT keys_pkey PRIMARY KEY,
        algorithm text NOT NULL,
        spki_der bytea NOT NULL,
        wrapped_private_key bytea NOT NULL,
        created_at timestamptz NOT NULL
      );

      CREATE TABLE issuers (
        id text CONSTRAINT issuers_pkey PRIMARY KEY,
        name text NOT NULL,
        kind text NOT NULL CONSTRAINT issuers_kind_check CHECK (kind IN ('root', 'intermediate', 'imported')),
        status text NOT NULL CONSTRAINT issuers_status_check CHECK (status IN ('active', 'disabled', 'retired')),
        parent_id text CONSTRAINT issuers_parent_id_fkey REFERENCES issuers (id),
        key_id uuid NOT NULL CONSTRAINT issuers_key_id_fkey REFERENCES keys (id),
        key_algorithm text NOT NULL,
        subject text NOT NULL,
        certificate_der bytea NOT NULL,
        chain_der bytea[] NOT NULL,
        not_before timestamptz NOT NULL,
        not_after timestamptz NOT NULL,
        path_length smallint,
        baseline_requirements boolean NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE INDEX issuers_parent_id_idx ON issuers (parent_id);

      CREATE TABLE certificates (
        id uuid CONSTRAINT certificates_pkey PRIMARY KEY,
        issuer_id text NOT NULL CONSTRAINT certificates_issuer_id_fkey REFERENCES issuers (id),
        serial_number bytea NOT NULL CONSTRAINT certificates_serial_number_check
          CHECK (octet_length(serial_number) BETWEEN 1 AND 20 AND get_byte(serial_number, 0) <> 0),
        profile text NOT NULL,
        subject text NOT NULL,
        subject_alternative_names jsonb NOT NULL,
        spki_sha256 bytea NOT NULL,
        not_before timestamptz NOT NULL,
        not_after timestamptz NOT NULL,
        reserved_at timestamptz NOT NULL,
        certificate_der bytea,
        fingerprint_sha256 bytea,
        revoked_at timestamptz,
        revocation_reason text,
        invalidity_date timestamptz,
        CONSTRAINT certificates_revocation_check CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL))
      );
      CREATE UNIQUE INDEX certificates_issuer_id_serial_number_key ON certificates (issuer_id, serial_number);
      CREATE INDEX certificates_not_after_idx ON certificates (not_after);
      CREATE INDEX certificates_spki_sha256_idx ON certificates (spki_sha256);
      CREATE INDEX certificates_revoked_idx ON certificates (issuer_id, not_after) WHERE revoked_at IS NOT NULL;
      CREATE INDEX certificates_reserved_idx ON certificates (reserved_at)
        WHERE certificate_der IS NULL AND revoked_at IS NULL;

      CREATE TABLE blocked_keys (
        spki_sha256 bytea CONSTRAINT blocked_keys_pkey PRIMARY KEY,
        blocked_at timestamptz NOT NULL
      );

      CREATE TABLE ocsp_responders (
        id uuid CONSTRAINT ocsp_responders_pkey PRIMARY KEY,
        issuer_id text NOT NULL CONSTRAINT ocsp_responders_issuer_id_fkey REFERENCES issuers (id),
        key_id uuid NOT NULL CONSTRAINT ocsp_responders_key_id_fkey REFERENCES keys (id),
        certificate_der bytea NOT NULL,
        not_after timestamptz NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE INDEX ocsp_responders_issuer_id_idx ON ocsp_responders (issuer_id, id);

      CREATE TABLE ocsp_responses (
        issuer_id text NOT NULL,
        serial_number bytea NOT NULL,
        cert_id_algorithm text NOT NULL,
        certificate_status text NOT NULL CONSTRAINT ocsp_responses_status_check
          CHECK (certificate_status IN ('good', 'revoked')),
        response_der bytea NOT NULL,
        produced_at timestamptz NOT NULL,
        this_update timestamptz NOT NULL,
        next_update timestamptz NOT NULL,
        refresh_at timestamptz NOT NULL,
        CONSTRAINT ocsp_responses_pkey PRIMARY KEY (issuer_id, serial_number, cert_id_algorithm),
        CONSTRAINT ocsp_responses_certificate_fkey FOREIGN KEY (issuer_id, serial_number)
          REFERENCES certificates (issuer_id, serial_number) ON DELETE CASCADE
      );
      CREATE INDEX ocsp_responses_refresh_at_idx ON ocsp_responses (refresh_at);

      CREATE TABLE crls (
        issuer_id text CONSTRAINT crls_pkey PRIMARY KEY CONSTRAINT crls_issuer_id_fkey REFERENCES issuers (id),
        dirty_revision bigint NOT NULL DEFAULT 0,
        built_revision bigint NOT NULL DEFAULT 0,
        last_number bigint NOT NULL DEFAULT 0,
        crl_number bigint,
        crl_der bytea,
        crl_sha256 bytea,
        this_update timestamptz,
        next_update timestamptz,
        generated_at timestamptz,
        entry_count integer
      );
      -- Signatures and serial numbers are random: compressing them costs time and gains nothing.
      ALTER TABLE crls ALTER COLUMN crl_der SET STORAGE EXTERNAL;

      CREATE TABLE audit_events (
        id uuid CONSTRAINT audit_events_pkey PRIMARY KEY,
        occurred_at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        outcome text NOT NULL,
        subject_type text NOT NULL,
        subject_id text,
        source_address text,
        request_id text,
        details jsonb NOT NULL
      );
      CREATE INDEX audit_events_action_idx ON audit_events (action, id);
      CREATE INDEX audit_events_subject_idx ON audit_events (subject_id, id);

      CREATE TABLE api_keys (
        id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
        name text NOT NULL,
        key_sha256 bytea NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE UNIQUE INDEX api_keys_key_sha256_key ON api_keys (key_sha256);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE api_keys, audit_events, crls, ocsp_responses, ocsp_responders, blocked_keys, certificates, issuers, keys
    `);
  }
}
