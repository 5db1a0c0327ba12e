import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the shared log needs: the role's chain of segments and its head. */
export class Publication2 implements MigrationInterface {
  readonly name = 'Publication1764150000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE envelopes
        ADD COLUMN segment bigint,
        ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
        ALTER COLUMN bytes DROP NOT NULL;
      COMMENT ON COLUMN envelopes.segment IS 'the segment that names it, once one does';
      COMMENT ON COLUMN envelopes.bytes IS 'null some days after publication';
      CREATE INDEX envelopes_unsigned ON envelopes (seq) WHERE log AND segment IS NULL;
      CREATE INDEX envelopes_published ON envelopes (published_at) WHERE published_at IS NOT NULL AND bytes IS NOT NULL;

      CREATE TABLE segments (
        seq bigint PRIMARY KEY,
        cid text NOT NULL UNIQUE,
        bytes bytea NOT NULL,
        published_at timestamptz
      );
      COMMENT ON TABLE segments IS 'this role''s part of the shared log: a chain that never loses a row';
      CREATE INDEX segments_owed ON segments (seq) WHERE published_at IS NULL;

      CREATE TABLE log_head (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        seq bigint,
        segment text,
        publisher uuid,
        until timestamptz
      );
      COMMENT ON TABLE log_head IS 'one row: the newest segment; who publishes, and until when nobody else begins to';
      INSERT INTO log_head DEFAULT VALUES;

      ALTER TABLE identities ADD COLUMN published_at timestamptz;
      CREATE INDEX identities_owed ON identities (seq) WHERE own AND published_at IS NULL;
    `);
  }

  async down(): Promise<void> {
    throw new Error('a log has no way back: restore the backup');
  }
}
