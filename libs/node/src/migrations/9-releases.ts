import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Replies stay for ever; those with a Release that is to be forgotten are found without reading all. */
export class Releases9 implements MigrationInterface {
  readonly name = 'Releases1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "CREATE INDEX replies_releases ON replies (created_at) WHERE verb = 'release' AND further IS NOT NULL",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX replies_releases');
  }
}
