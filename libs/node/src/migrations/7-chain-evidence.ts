import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In which order a node learnt what it knows of chains; what was decided of forks; Revocations of chains it doesn't know yet. */
export class ChainEvidence7 implements MigrationInterface {
  readonly name = 'ChainEvidence1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE revocations ADD COLUMN seq bigint NOT NULL DEFAULT nextval('identities_seq_seq');
      COMMENT ON COLUMN revocations.seq IS 'numbered with identities and decisions: which was first makes a difference';

      CREATE TABLE decisions (
        seq bigint PRIMARY KEY DEFAULT nextval('identities_seq_seq'),
        first text NOT NULL,
        document text NOT NULL REFERENCES identities,
        bytes bytea
      );
      COMMENT ON TABLE decisions IS 'of two successors of one document, with which its chain goes on';
      COMMENT ON COLUMN decisions.bytes IS 'the Decision; null where the operator decided at this node';

      CREATE TABLE early_revocations (
        cid text NOT NULL,
        identity text NOT NULL,
        bytes bytea NOT NULL,
        teller text,
        at timestamptz NOT NULL DEFAULT now(),
        UNIQUE NULLS NOT DISTINCT (cid, teller)
      );
      COMMENT ON TABLE early_revocations IS 'of chains that are not admitted: checked when they are';
      COMMENT ON COLUMN early_revocations.teller IS 'first CID of the chain that told; null: the operator';
      COMMENT ON COLUMN announcements.news IS 'CID of the list of what is told, by CID';
      CREATE INDEX early_revocations_identity ON early_revocations (identity);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE early_revocations, decisions;
      ALTER TABLE revocations DROP COLUMN seq;
    `);
  }
}
