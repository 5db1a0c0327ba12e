import { parseCid, type Cid } from '@dta/codec';
import { openSoftwareCustody } from '@dta/custody';
import { secretContext, type SecretName } from '@dta/order';
import type { Member } from '@dta/testkit';
import { query } from './databases.js';

/** A secret that a member sealed at some time, opened with its custody key, as only the owner of both can. */
export interface WitnessedSecret {
  readonly what: SecretName['what'];
  readonly order: string | null;
  readonly index: number | null;
  readonly value: Uint8Array;
}

interface SealedRow {
  order_ref: string | null;
  what: SecretName['what'];
  epoch: number;
  transcript: Buffer | null;
  index: number | null;
  key: string;
  sealed: Buffer;
}

/**
 * Has a member's database keep a copy of each sealed secret that is ever written, in a schema of the test's own: most are
 * erased long before a test could look.
 */
export async function installWitness(member: Member): Promise<void> {
  await query(
    member,
    `CREATE SCHEMA witness;
     CREATE TABLE witness.secrets (LIKE public.secrets);
     CREATE FUNCTION witness.note() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO witness.secrets SELECT NEW.*; RETURN NEW; END $$;
     CREATE TRIGGER witness AFTER INSERT ON public.secrets FOR EACH ROW EXECUTE FUNCTION witness.note();`,
  );
}

/** All secrets of a member that its witness saw. */
export async function witnessedSecrets(member: Member): Promise<WitnessedSecret[]> {
  const custody = await openSoftwareCustody({ file: member.custodyFile, warn: () => undefined });
  const rows = await query<SealedRow>(member, 'SELECT * FROM witness.secrets');
  return Promise.all(
    rows.map(async ({ order_ref: order, what, epoch, transcript, index, key, sealed }) => {
      const name = { what, request: asCid(order), epoch, transcript: transcript && new Uint8Array(transcript), index };
      const context = secretContext(parseCid(member.idDocumentCID), member.role, name);
      return { what, order, index, value: await custody.open(key, context, new Uint8Array(sealed)) };
    }),
  );
}

function asCid(text: string | null): Cid | null {
  return text === null ? null : parseCid(text);
}
