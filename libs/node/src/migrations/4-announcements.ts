import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom this node still has to tell of its own successors, or of the end of its chain. */
export class Announcements4 implements MigrationInterface {
  readonly name = 'Announcements1764170000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE announcements (
        news text NOT NULL,
        peer text NOT NULL,
        role text NOT NULL,
        forward text NOT NULL,
        envelope bytea NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        last_error text,
        answered_at timestamptz,
        PRIMARY KEY (news, peer, role)
      );
      COMMENT ON COLUMN announcements.news IS 'CID of the newest own document, or of the Revocation';
      COMMENT ON COLUMN announcements.peer IS 'first CID of the peer''s chain';
      COMMENT ON COLUMN announcements.forward IS 'CID of the statement that the peer acknowledges';
      CREATE INDEX announcements_owed ON announcements (next_attempt_at) WHERE answered_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE announcements');
  }
}
