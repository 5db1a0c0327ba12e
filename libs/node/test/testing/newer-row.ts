import { decodeCanonical, encodeCanonical, type Cid } from '@dta/codec';
import { known } from '@dta/order/testing';
import { openNode, orderColumns, type NodeOptions, type StoredOrder } from '../../src/index.js';
import type { RoleRig } from './role-rig.js';

/** A state of orders that no version of today has. */
export const NEWER_STATE = 'complaining';

/** A row of the next version, and how to put back what was there. */
export interface NewerRow {
  /** Whether the row is still as it was made newer. */
  isUntouched(): Promise<boolean>;
  putBack(): Promise<void>;
}

/**
 * Makes an order's row one of the next version of its role: a record of a format and a state that this one doesn't know.
 *
 * @param by `stranger`: a party that writes the database and has no key for the MAC
 */
export async function makeNewer(
  rig: RoleRig,
  options: NodeOptions,
  ref: Cid,
  { by = 'node', state = NEWER_STATE }: { readonly by?: 'node' | 'stranger'; readonly state?: string } = {},
): Promise<NewerRow> {
  const database = await rig.intrude(options);
  const row = async () =>
    known((await database.query<StoredOrder>(`SELECT ${orderColumns('o')} FROM orders o WHERE ref = $1`, [ref]))[0]);
  const put = ({ version, record, mac, ...of }: StoredOrder) =>
    database.query('UPDATE orders SET version = $2, state = $3, record = $4, mac = $5 WHERE ref = $1', [
      ...[ref, version, of.state, record, mac],
    ]);
  const before = await row();
  const { v, ...order } = decodeCanonical(new Uint8Array(before.record), 65_536) as { v: number }; // as its format has it
  const record = encodeCanonical({ v: v + 1, ...order, excluded: ['x'] });
  const made: StoredOrder = { ...before, version: before.version + 1, state, record: Buffer.from(record) };
  const { version, beneficiary, created_at, due_at } = made;
  const node = await openNode(options, rig.parts());
  const mac = node.rowMac.of('order', [ref, String(version), state, beneficiary, created_at, due_at, record]);
  await node.close();
  const newer = by === 'node' ? { ...made, mac: Buffer.from(mac) } : made;
  await put(newer);
  return {
    isUntouched: async () => (await row()).mac.equals(newer.mac) && (await row()).version === version,
    putBack: async () => void (await put(before)),
  };
}
