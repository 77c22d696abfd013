import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles of API keys, the sealed audit trail, shared limits, answers kept for repeated calls. */
export class AddOperatorsPlane1795233600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE api_keys
        ADD COLUMN role text NOT NULL DEFAULT 'admin' CONSTRAINT api_keys_role_check
          CHECK (role IN ('admin', 'operator', 'viewer', 'auditor', 'metrics')),
        ADD COLUMN issuer_ids text[],
        ADD COLUMN profiles text[],
        ADD COLUMN expires_at timestamptz,
        ADD COLUMN last_used_at timestamptz,
        ADD COLUMN revoked_at timestamptz,
        ADD COLUMN previous_key_sha256 bytea,
        ADD COLUMN previous_valid_until timestamptz;
      ALTER TABLE api_keys ALTER COLUMN role DROP DEFAULT;
      CREATE UNIQUE INDEX api_keys_previous_key_sha256_key ON api_keys (previous_key_sha256)
        WHERE previous_key_sha256 IS NOT NULL;
      CREATE UNIQUE INDEX api_keys_name_key ON api_keys (name) WHERE revoked_at IS NULL;

      CREATE TABLE audit_pending (
        event_id uuid CONSTRAINT audit_pending_pkey PRIMARY KEY
      );
      CREATE FUNCTION enqueue_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO audit_pending (event_id) VALUES (NEW.id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER audit_events_enqueue AFTER INSERT ON audit_events
        FOR EACH ROW EXECUTE FUNCTION enqueue_audit_event();
      INSERT INTO audit_pending (event_id) SELECT id FROM audit_events;

      CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'the audit trail is only ever added to' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE INDEX audit_events_actor_idx ON audit_events (actor, id);
      CREATE TRIGGER audit_events_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

      CREATE TABLE audit_leaves (
        position bigint CONSTRAINT audit_leaves_pkey PRIMARY KEY,
        event_id uuid NOT NULL,
        leaf_hash bytea NOT NULL
      );
      CREATE UNIQUE INDEX audit_leaves_event_id_key ON audit_leaves (event_id);
      CREATE TRIGGER audit_leaves_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaves
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

      CREATE TABLE audit_keys (
        key_id uuid CONSTRAINT audit_keys_pkey PRIMARY KEY CONSTRAINT audit_keys_key_id_fkey REFERENCES keys (id),
        created_at timestamptz NOT NULL,
        retired_at timestamptz
      );

      CREATE TABLE audit_checkpoints (
        tree_size bigint CONSTRAINT audit_checkpoints_pkey PRIMARY KEY,
        root_hash bytea NOT NULL,
        frontier bytea[] NOT NULL,
        signed_at timestamptz NOT NULL,
        key_id uuid NOT NULL CONSTRAINT audit_checkpoints_key_id_fkey REFERENCES audit_keys (key_id),
        note text NOT NULL
      );
      CREATE INDEX audit_checkpoints_signed_at_idx ON audit_checkpoints (signed_at, tree_size);
      CREATE TRIGGER audit_checkpoints_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

      CREATE TABLE audit_forwarders (
        name text CONSTRAINT audit_forwarders_pkey PRIMARY KEY,
        position bigint NOT NULL,
        forwarded_at timestamptz,
        error text
      );

      CREATE UNLOGGED TABLE rate_limits (
        key text CONSTRAINT rate_limits_pkey PRIMARY KEY,
        full_at timestamptz NOT NULL
      );

      CREATE TABLE export_quotas (
        actor text CONSTRAINT export_quotas_pkey PRIMARY KEY,
        window_start timestamptz NOT NULL,
        used integer NOT NULL
      );

      CREATE TABLE idempotency_keys (
        actor text NOT NULL,
        key text NOT NULL,
        request_sha256 bytea NOT NULL,
        created_at timestamptz NOT NULL,
        locked_until timestamptz,
        status smallint,
        wrapped_answer bytea,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key)
      );
      CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE idempotency_keys, export_quotas, rate_limits, audit_forwarders, audit_checkpoints, audit_keys, audit_leaves;
      DROP TRIGGER audit_events_immutable ON audit_events;
      DROP TRIGGER audit_events_enqueue ON audit_events;
      DROP TABLE audit_pending;
      DROP FUNCTION enqueue_audit_event, refuse_audit_change;
      DROP INDEX audit_events_actor_idx, api_keys_name_key, api_keys_previous_key_sha256_key;
      ALTER TABLE api_keys
        DROP COLUMN role, DROP COLUMN issuer_ids, DROP COLUMN profiles, DROP COLUMN expires_at, DROP COLUMN last_used_at,
        DROP COLUMN revoked_at, DROP COLUMN previous_key_sha256, DROP COLUMN previous_valid_until;
    `);
  }
}
