import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of a role. Each role has a database of its own. */
export class Initial1 implements MigrationInterface {
  readonly name = 'Initial1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE orders (
        ref text PRIMARY KEY,
        version integer NOT NULL,
        state text NOT NULL,
        beneficiary text,
        created_at bigint NOT NULL,
        due_at bigint,
        record bytea NOT NULL
      );
      COMMENT ON COLUMN orders.record IS 'the role''s row as canonical DAG-CBOR; no secret';
      COMMENT ON COLUMN orders.due_at IS 'Unix ms at which the clock alone may change the state';
      CREATE INDEX orders_created ON orders (created_at, ref);
      CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;

      CREATE TABLE statements (
        order_ref text NOT NULL REFERENCES orders,
        cid text NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        bytes bytea NOT NULL,
        PRIMARY KEY (order_ref, cid)
      );

      CREATE TABLE secrets (
        order_ref text REFERENCES orders,
        what text NOT NULL,
        epoch integer NOT NULL,
        transcript bytea,
        index smallint,
        key text NOT NULL,
        sealed bytea NOT NULL,
        UNIQUE NULLS NOT DISTINCT (order_ref, what, epoch, transcript, index)
      );
      COMMENT ON TABLE secrets IS 'sealed by custody; AAD binds each row to its place';
      CREATE INDEX secrets_key ON secrets (key);

      CREATE TABLE replies (
        verb text NOT NULL,
        request text NOT NULL,
        order_ref text NOT NULL REFERENCES orders,
        envelope bytea NOT NULL,
        further bytea,
        attachments bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (verb, request)
      );
      COMMENT ON COLUMN replies.further IS 'envelopes beside the reply, as a CBOR list: a Release, until its Receipt';
      COMMENT ON COLUMN replies.attachments IS 'a CBOR list, until the order is committed';
      CREATE INDEX replies_order ON replies (order_ref);

      CREATE TABLE envelopes (
        cid text PRIMARY KEY,
        order_ref text NOT NULL REFERENCES orders,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        bytes bytea NOT NULL,
        log boolean NOT NULL,
        published_at timestamptz
      );
      CREATE INDEX envelopes_order ON envelopes (order_ref);
      CREATE INDEX envelopes_owed ON envelopes (seq) WHERE log AND published_at IS NULL;

      CREATE TABLE deliveries (
        order_ref text NOT NULL REFERENCES orders,
        envelope text NOT NULL REFERENCES envelopes,
        verb text NOT NULL,
        party text NOT NULL,
        role text NOT NULL,
        state text NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'answered', 'closed')),
        attachments bytea,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        last_error text,
        answer text,
        answer_envelopes bytea,
        answer_attachments bytea,
        PRIMARY KEY (envelope, verb, party)
      );
      COMMENT ON COLUMN deliveries.answer IS 'CIDs of the statements that answered, between spaces';
      CREATE INDEX deliveries_order ON deliveries (order_ref);
      CREATE INDEX deliveries_owed ON deliveries (order_ref) WHERE state = 'owed';

      CREATE UNLOGGED TABLE leases (
        order_ref text PRIMARY KEY,
        holder uuid NOT NULL,
        until timestamptz NOT NULL
      );
      COMMENT ON TABLE leases IS 'unlogged: a crash of the server frees them, which does no harm';

      CREATE TABLE events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_ref text NOT NULL REFERENCES orders,
        at bigint NOT NULL,
        kind text NOT NULL
      );
      CREATE INDEX events_order ON events (order_ref, id);

      CREATE TABLE identities (
        cid text PRIMARY KEY,
        first text NOT NULL,
        bytes bytea NOT NULL,
        own boolean NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY
      );
      COMMENT ON TABLE identities IS 'the admission list: own documents and those of admitted chains';
      CREATE TABLE revocations (first text PRIMARY KEY, bytes bytea NOT NULL);

      CREATE TABLE internal_calls (id bytea PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
      CREATE INDEX internal_calls_at ON internal_calls (at);
      CREATE TABLE idempotency (
        tenant text NOT NULL,
        key text NOT NULL,
        mac bytea NOT NULL,
        order_ref text NOT NULL REFERENCES orders,
        PRIMARY KEY (tenant, key)
      );
    `);
  }

  async down(): Promise<void> {
    throw new Error('a first schema has no way back: restore the backup');
  }
}
