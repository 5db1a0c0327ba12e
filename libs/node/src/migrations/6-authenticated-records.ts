import { DtaError } from '@dta/errors';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rows that decisions are taken by carry a MAC of the node's own, and clients' Idempotency-Keys are kept as keyed hashes. */
export class AuthenticatedRecords6 implements MigrationInterface {
  readonly name = 'AuthenticatedRecords1764190000000';

  async up(runner: QueryRunner): Promise<void> {
    // only the node could authenticate them, and would then authenticate whatever stands there
    const orders: unknown[] = await runner.query('SELECT 1 FROM orders LIMIT 1');
    if (orders.length > 0)
      throw new DtaError(
        'schema_outdated',
        'this database has orders of a version before the first release, which this one can not take over: begin with an empty database',
      );
    await runner.query(`
      ALTER TABLE orders ADD COLUMN mac bytea NOT NULL;
      COMMENT ON COLUMN orders.mac IS 'of the whole row, under the node''s record-key (docs/protocol.md, "Authenticated rows")';

      ALTER TABLE plugin_answers ADD COLUMN mac bytea NOT NULL;
      COMMENT ON COLUMN plugin_answers.mac IS 'of the whole row and the order''s public key';

      ALTER TABLE idempotency RENAME COLUMN mac TO asked;
      ALTER TABLE idempotency ALTER COLUMN key TYPE bytea USING convert_to(key, 'UTF8'), ADD COLUMN mac bytea NOT NULL;
      COMMENT ON COLUMN idempotency.key IS 'keyed hash of the client''s Idempotency-Key';
      COMMENT ON COLUMN idempotency.asked IS 'keyed hash of what the client asked with it';
      COMMENT ON COLUMN idempotency.mac IS 'of the whole row';
      DELETE FROM secrets WHERE what = 'idempotency-key';
    `);
  }

  async down(): Promise<void> {
    throw new Error('rows that nothing authenticates are not read: restore the backup');
  }
}
