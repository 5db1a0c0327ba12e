import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a principal's plugins answered, beside the order's row: an answer may have 256 KiB, and lists read that row. */
export class PluginAnswers5 implements MigrationInterface {
  readonly name = 'PluginAnswers1764180000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE plugin_answers (
        order_ref text PRIMARY KEY REFERENCES orders,
        extension bytea,
        error text,
        CHECK ((extension IS NULL) <> (error IS NULL))
      );
      COMMENT ON TABLE plugin_answers IS 'the public answer of an order''s plugin as canonical DAG-CBOR, or why there is none yet';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE plugin_answers');
  }
}
