import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What time the database's clock had when a replica looked at it last, so that a jump shows after a restart too. */
export class Clock8 implements MigrationInterface {
  readonly name = 'Clock1764210000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE clock (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        seen bigint,
        steady_since bigint NOT NULL DEFAULT 0
      );
      INSERT INTO clock DEFAULT VALUES;
      COMMENT ON COLUMN clock.seen IS 'Unix ms by the database''s clock at the last look; null before the first';
      COMMENT ON COLUMN clock.steady_since IS 'Unix ms by the database''s clock since which it has not jumped';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE clock');
  }
}
