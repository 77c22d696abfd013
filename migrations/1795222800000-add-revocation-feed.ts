import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The feed that tells responder nodes of revocations, and the rows in which they say how far they have followed it. */
export class AddRevocationFeed1795222800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE revocation_counter (
        id smallint CONSTRAINT revocation_counter_pkey PRIMARY KEY
          CONSTRAINT revocation_counter_single_row_check CHECK (id = 1),
        last_number bigint NOT NULL,
        pruned_number bigint NOT NULL
      );
      INSERT INTO revocation_counter (id, last_number, pruned_number) VALUES (1, 0, 0);

      CREATE TABLE revocation_feed (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT revocation_feed_pkey PRIMARY KEY,
        number bigint,
        issuer_id text NOT NULL,
        serial_number bytea NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE UNIQUE INDEX revocation_feed_number_key ON revocation_feed (number);

      -- Rows that every revocation wants are taken by the COMMIT itself, and never held while the server waits for a client: one
      -- that is lost in the middle of a revocation would hold up all the others.
      CREATE FUNCTION number_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        taken bigint;
      BEGIN
        UPDATE revocation_counter SET last_number = last_number + 1 RETURNING last_number INTO STRICT taken;
        UPDATE revocation_feed SET number = taken WHERE id = NEW.id;
        PERFORM pg_notify('certplane_revocations', taken::text);
        RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER revocation_feed_number AFTER INSERT ON revocation_feed
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_revocation();

      CREATE TABLE crl_dirty_marks (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT crl_dirty_marks_pkey PRIMARY KEY,
        issuer_id text NOT NULL
      );
      CREATE FUNCTION apply_crl_dirty_mark() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO crls (issuer_id, dirty_revision) VALUES (NEW.issuer_id, 1)
          ON CONFLICT (issuer_id) DO UPDATE SET dirty_revision = crls.dirty_revision + 1;
        DELETE FROM crl_dirty_marks WHERE id = NEW.id;
        RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER crl_dirty_marks_apply AFTER INSERT ON crl_dirty_marks
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION apply_crl_dirty_mark();

      CREATE TABLE responder_nodes (
        id uuid CONSTRAINT responder_nodes_pkey PRIMARY KEY,
        name text NOT NULL,
        applied bigint NOT NULL,
        renewal bigint NOT NULL,
        silent boolean NOT NULL,
        lease_ms integer NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        renewed_at timestamptz NOT NULL DEFAULT now()
      );

      ALTER TABLE ocsp_responses
        ALTER COLUMN certificate_status DROP NOT NULL,
        ALTER COLUMN response_der DROP NOT NULL,
        ALTER COLUMN produced_at DROP NOT NULL,
        ALTER COLUMN this_update DROP NOT NULL,
        ALTER COLUMN next_update DROP NOT NULL,
        ADD COLUMN failures smallint NOT NULL DEFAULT 0;
      ALTER TABLE ocsp_responses ALTER COLUMN response_der SET STORAGE EXTERNAL;

      CREATE TABLE ocsp_presign_positions (
        cert_id_algorithm text CONSTRAINT ocsp_presign_positions_pkey PRIMARY KEY,
        certificate_id uuid NOT NULL
      );

      ALTER TABLE ocsp_responders
        ADD COLUMN superseded_at timestamptz,
        ADD COLUMN responses_renewed_at timestamptz;
      UPDATE ocsp_responders r SET superseded_at = newer.created_at
        FROM ocsp_responders newer WHERE newer.issuer_id = r.issuer_id AND newer.id > r.id;
      UPDATE ocsp_responders SET responses_renewed_at = created_at;
      CREATE UNIQUE INDEX ocsp_responders_current_key ON ocsp_responders (issuer_id) WHERE superseded_at IS NULL;

      ALTER TABLE issuers
        ADD COLUMN ocsp_request_signature text NOT NULL DEFAULT 'ignore' CONSTRAINT issuers_ocsp_request_signature_check
          CHECK (ocsp_request_signature IN ('ignore', 'verify', 'require')),
        ADD COLUMN ocsp_requester_cas_der bytea[] NOT NULL DEFAULT '{}';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE issuers DROP COLUMN ocsp_request_signature, DROP COLUMN ocsp_requester_cas_der;
      DROP INDEX ocsp_responders_current_key;
      ALTER TABLE ocsp_responders DROP COLUMN superseded_at, DROP COLUMN responses_renewed_at;
      DELETE FROM ocsp_responses WHERE response_der IS NULL;
      ALTER TABLE ocsp_responses
        ALTER COLUMN certificate_status SET NOT NULL,
        ALTER COLUMN response_der SET NOT NULL,
        ALTER COLUMN produced_at SET NOT NULL,
        ALTER COLUMN this_update SET NOT NULL,
        ALTER COLUMN next_update SET NOT NULL,
        DROP COLUMN failures;
      DROP TABLE crl_dirty_marks, ocsp_presign_positions, responder_nodes, revocation_feed, revocation_counter;
      DROP FUNCTION number_revocation, apply_crl_dirty_mark;
    `);
  }
}
