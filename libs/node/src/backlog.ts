import { remembered } from '@dta/service';
import type { Sql } from './database.js';
import { publicationBacklog } from './publication.js';

/** How many there are of a kind, and how long the oldest has been there; 0 s where there is none. */
export interface Pile {
  readonly count: number;
  readonly oldestSeconds: number;
}

/** What a role's database holds and still owes. */
export interface Backlog {
  /** by state */
  readonly orders: ReadonlyMap<string, number>;
  /** by verb */
  readonly deliveries: ReadonlyMap<string, Pile>;
  readonly publications: Pile;
}

interface Row {
  what: 'order' | 'delivery';
  label: string;
  count: string;
  oldest: number | null;
}

/**
 * Counts when asked, but not again within 5 s, nor within fifty times what the last count took: however many orders there
 * are, counting them takes at most a fiftieth of one connection's time.
 */
export function readBacklog(sql: Sql): () => Promise<Backlog> {
  return remembered(
    async () => {
      const rows: Row[] = await sql.query(
        `SELECT 'order' AS what, state AS label, count(*), NULL::float AS oldest FROM orders GROUP BY state
         UNION ALL
         SELECT 'delivery', verb, count(*), extract(epoch FROM now() - min(created_at))::float
         FROM deliveries WHERE state = 'owed' GROUP BY verb`,
      );
      const of = (what: Row['what']) => rows.filter((row) => row.what === what);
      const { envelopes, oldestMs } = await publicationBacklog(sql);
      return {
        orders: new Map(of('order').map(({ label, count }) => [label, Number(count)])),
        deliveries: new Map(of('delivery').map((row) => [row.label, pileOf(row)])),
        publications: { count: envelopes, oldestSeconds: (oldestMs ?? 0) / 1000 },
      };
    },
    (tookMs) => Math.max(5_000, 50 * tookMs),
  );
}

function pileOf({ count, oldest }: Row): Pile {
  return { count: Number(count), oldestSeconds: Math.max(0, oldest ?? 0) };
}
