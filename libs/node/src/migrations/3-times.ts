import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when a message has been owed, and orders counted by state without reading them. */
export class Times3 implements MigrationInterface {
  readonly name = 'Times1764160000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deliveries ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
      CREATE INDEX orders_state ON orders (state);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX orders_state;
      ALTER TABLE deliveries DROP COLUMN created_at;
    `);
  }
}
