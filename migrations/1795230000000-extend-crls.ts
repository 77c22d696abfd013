import type { MigrationInterface, QueryRunner } from 'typeorm';

/** CRLs by scope (complete, shard, delta), what happened to a certificate's status, and issuers whose CRL is published elsewhere. */
export class ExtendCrls1795230000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE issuers
        ALTER COLUMN key_id DROP NOT NULL,
        ADD COLUMN crl_shards smallint NOT NULL DEFAULT 1
          CONSTRAINT issuers_crl_shards_check CHECK (crl_shards BETWEEN 1 AND 1024),
        ADD COLUMN crl_delta_interval integer
          CONSTRAINT issuers_crl_delta_interval_check CHECK (crl_delta_interval >= 0),
        ADD COLUMN expired_certs_on_crl boolean NOT NULL DEFAULT false;

      ALTER TABLE certificates ADD COLUMN crl_shard smallint;
      CREATE INDEX certificates_revoked_shard_idx ON certificates (issuer_id, crl_shard, not_after)
        WHERE revoked_at IS NOT NULL AND crl_shard IS NOT NULL;

      CREATE TABLE crl_distribution_points (
        issuer_id text NOT NULL CONSTRAINT crl_distribution_points_issuer_id_fkey REFERENCES issuers (id),
        shard smallint NOT NULL,
        url text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT crl_distribution_points_pkey PRIMARY KEY (issuer_id, shard, url)
      );

      CREATE TABLE revocation_history (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT revocation_history_pkey PRIMARY KEY,
        certificate_id uuid NOT NULL CONSTRAINT revocation_history_certificate_id_fkey REFERENCES certificates (id),
        occurred_at timestamptz NOT NULL,
        action text NOT NULL CONSTRAINT revocation_history_action_check
          CHECK (action IN ('hold', 'revoke', 'release', 'correct')),
        actor text NOT NULL,
        revoked_at timestamptz,
        revocation_reason text,
        invalidity_date timestamptz
      );
      CREATE INDEX revocation_history_certificate_id_idx ON revocation_history (certificate_id, id);
      INSERT INTO revocation_history
          (certificate_id, occurred_at, action, actor, revoked_at, revocation_reason, invalidity_date)
        SELECT id, revoked_at, CASE revocation_reason WHEN 'certificateHold' THEN 'hold' ELSE 'revoke' END,
               'unknown', revoked_at, revocation_reason, invalidity_date
          FROM certificates WHERE revoked_at IS NOT NULL;

      ALTER TABLE crls DROP CONSTRAINT crls_pkey;
      ALTER TABLE crls
        ADD COLUMN kind text NOT NULL DEFAULT 'complete' CONSTRAINT crls_kind_check
          CHECK (kind IN ('complete', 'shard', 'delta')),
        ADD COLUMN shard smallint NOT NULL DEFAULT 0,
        ADD COLUMN dirty_since timestamptz,
        ADD COLUMN base_number bigint,
        ADD COLUMN size_bytes bigint,
        ADD COLUMN generation_duration_ms integer,
        ADD COLUMN distribution_points smallint NOT NULL DEFAULT 0,
        ADD CONSTRAINT crls_pkey PRIMARY KEY (issuer_id, kind, shard);

      CREATE TABLE crl_chunks (
        issuer_id text NOT NULL,
        kind text NOT NULL,
        shard smallint NOT NULL,
        crl_number bigint NOT NULL,
        position integer NOT NULL,
        bytes bytea NOT NULL,
        CONSTRAINT crl_chunks_pkey PRIMARY KEY (issuer_id, kind, shard, crl_number, position)
      );
      -- Signatures and serial numbers are random: compressing them costs time and gains nothing.
      ALTER TABLE crl_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
      INSERT INTO crl_chunks (issuer_id, kind, shard, crl_number, position, bytes)
        SELECT issuer_id, kind, shard, crl_number, position, substr(crl_der, position * 1048576 + 1, 1048576)
          FROM crls, generate_series(0, (octet_length(crl_der) - 1) / 1048576) AS position
         WHERE crl_number IS NOT NULL;
      UPDATE crls SET size_bytes = octet_length(crl_der);
      ALTER TABLE crls DROP COLUMN crl_der;

      CREATE TABLE crl_bases (
        issuer_id text NOT NULL,
        crl_number bigint NOT NULL,
        revision bigint NOT NULL,
        next_update timestamptz NOT NULL,
        published_at timestamptz NOT NULL,
        CONSTRAINT crl_bases_pkey PRIMARY KEY (issuer_id, crl_number)
      );

      CREATE TABLE crl_events (
        id uuid CONSTRAINT crl_events_pkey PRIMARY KEY,
        issuer_id text NOT NULL,
        kind text NOT NULL,
        shard smallint NOT NULL,
        started_at timestamptz NOT NULL,
        duration_ms integer NOT NULL,
        succeeded boolean NOT NULL,
        crl_number bigint,
        revoked_count integer,
        error text
      );
      CREATE INDEX crl_events_crl_idx ON crl_events (issuer_id, kind, shard, id);

      CREATE TABLE crl_changes (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT crl_changes_pkey PRIMARY KEY,
        issuer_id text NOT NULL,
        shard smallint,
        serial_number bytea NOT NULL,
        revision bigint
      );
      CREATE INDEX crl_changes_revision_idx ON crl_changes (issuer_id, revision);

      -- Rows that every revocation wants are taken by the COMMIT itself, the complete CRL's first, and never held while the
      -- server waits for a client.
      CREATE FUNCTION number_crl_change() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        taken bigint;
      BEGIN
        INSERT INTO crls (issuer_id, kind, shard, dirty_revision, dirty_since)
          VALUES (NEW.issuer_id, 'complete', 0, 1, clock_timestamp())
          ON CONFLICT (issuer_id, kind, shard) DO UPDATE
            SET dirty_revision = crls.dirty_revision + 1, dirty_since = coalesce(crls.dirty_since, clock_timestamp())
          RETURNING dirty_revision INTO STRICT taken;
        UPDATE crl_changes SET revision = taken WHERE id = NEW.id;
        IF NEW.shard IS NOT NULL THEN
          INSERT INTO crls (issuer_id, kind, shard, dirty_revision, dirty_since)
            VALUES (NEW.issuer_id, 'shard', NEW.shard, 1, clock_timestamp())
            ON CONFLICT (issuer_id, kind, shard) DO UPDATE
              SET dirty_revision = crls.dirty_revision + 1, dirty_since = coalesce(crls.dirty_since, clock_timestamp());
        END IF;
        RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER crl_changes_number AFTER INSERT ON crl_changes
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_crl_change();

      DROP TABLE crl_dirty_marks;
      DROP FUNCTION apply_crl_dirty_mark;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
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

      DELETE FROM crls WHERE kind <> 'complete';
      ALTER TABLE crls ADD COLUMN crl_der bytea;
      ALTER TABLE crls ALTER COLUMN crl_der SET STORAGE EXTERNAL;
      UPDATE crls SET crl_der = (
        SELECT string_agg(bytes, ''::bytea ORDER BY position) FROM crl_chunks p
         WHERE (p.issuer_id, p.kind, p.shard, p.crl_number) = (crls.issuer_id, crls.kind, crls.shard, crls.crl_number));
      ALTER TABLE crls DROP CONSTRAINT crls_pkey;
      ALTER TABLE crls
        DROP COLUMN kind, DROP COLUMN shard, DROP COLUMN dirty_since, DROP COLUMN base_number, DROP COLUMN size_bytes,
        DROP COLUMN generation_duration_ms, DROP COLUMN distribution_points,
        ADD CONSTRAINT crls_pkey PRIMARY KEY (issuer_id);

      DROP TABLE crl_changes, crl_events, crl_bases, crl_chunks, revocation_history, crl_distribution_points;
      DROP FUNCTION number_crl_change;
      DROP INDEX certificates_revoked_shard_idx;
      ALTER TABLE certificates DROP COLUMN crl_shard;
      ALTER TABLE issuers DROP COLUMN crl_shards, DROP COLUMN crl_delta_interval, DROP COLUMN expired_certs_on_crl;
      ALTER TABLE issuers ALTER COLUMN key_id SET NOT NULL;
    `);
  }
}
