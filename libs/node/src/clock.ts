import { CLOCK_LOOK_EVERY_MS, CLOCK_LOOK_HOLDS_MS, CLOCK_STEADY_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { CLOCK_SKEW_MS } from '@dta/identity';
import type { Logger } from '@dta/service';
import type { Sql } from './database.js';
import { periodically } from './periodic.js';
import type { Job } from './role-app.js';

/**
 * What a role knows of the time: its own clock, held against its database's and against the monotonic clock of its process
 * (docs/protocol.md §7, Clocks). Two clocks that are wrong alike and steadily are not found.
 */
export interface Clock {
  /** Unix ms by this process's clock: for dates and for what dates mean, never for an interval */
  now(): number;
  /** Reads the database's clock. @throws `service_unavailable` */
  look(): Promise<void>;
  /** ms that this process's clock is ahead of the database's; null where that was never read */
  readonly skewMs: number | null;
  /** Whether the two differ by 120 s at most, so that what is signed has a date that peers take. */
  readonly agrees: boolean;
  /** Looks again where the two differ, since a process may have slept. @throws `clock_skewed` */
  confirm(): Promise<void>;
  /** @throws `clock_skewed` unless {@link Clock.agrees} */
  assertAgrees(): void;
  /** Why nothing is done now that can't be undone; null where it may be. */
  readonly doubt: Doubt | null;
}

/** Why a clock isn't believed. */
export interface Doubt {
  readonly kind: 'unknown' | 'skewed' | 'unsteady';
  readonly sentence: string;
}

/** A look at the database's clock, Unix ms, and when it was by the monotonic clock. */
interface Look {
  readonly database: number;
  readonly at: number;
  /** by the database's clock: since when it has not jumped, as far as any replica has seen */
  readonly steadySince: number;
}

/** The longest between two looks that isn't a jump. */
const GAP_MS = CLOCK_LOOK_EVERY_MS + CLOCK_SKEW_MS;
/** A doubt that stays is told again after so long. */
const TELL_AGAIN_MS = 60 * 60_000;

/** The system's time, Unix ms. */
export const wallClock = (): number => Date.now();

/** Makes the clock of a role; its first {@link Clock.look} is for the caller. */
export function createClock(sql: Sql, log: Logger, now: () => number = wallClock): Clock {
  let last: Look | undefined;
  /** what the database's clock is held against: an earlier look of this process */
  let base: Look | undefined;
  /** what the first look of this process found, where that was no more than a stop */
  let afterStop: Look | undefined;
  let told: { readonly kind: Doubt['kind']; readonly level: 'info' | 'warn'; readonly at: number } | null = null;

  const skewMs = () => (last === undefined ? null : now() - (last.database + performance.now() - last.at));
  const agrees = () => Math.abs(skewMs() ?? Infinity) <= CLOCK_SKEW_MS;
  const assertAgrees = () => {
    if (agrees()) return;
    const skew = skewMs();
    throw new DtaError('clock_skewed', `${sentenceOf(skew)}: nothing is signed until they agree`, {
      metadata: { skewMs: skew === null ? null : Math.round(skew) },
    });
  };
  const doubt = (): Doubt | null => {
    if (last !== undefined && !agrees()) return { kind: 'skewed', sentence: sentenceOf(skewMs()) };
    if (last === undefined || performance.now() - last.at > CLOCK_LOOK_HOLDS_MS)
      return { kind: 'unknown', sentence: "the database's clock could not be read lately" };
    const until = last.steadySince + CLOCK_STEADY_MS;
    if (last.database >= until) return null;
    const sentence = `the time jumped, or nothing looked at it for ${GAP_MS / 1000} s: settling until ${new Date(until).toISOString()}`;
    return { kind: 'unsteady', sentence };
  };
  const look = async () => {
    const begun = performance.now();
    const [read] = await sql.query<{ now: string }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
    );
    const at = (begun + performance.now()) / 2;
    const database = Number(read?.now);
    const hasJumped = base !== undefined && Math.abs(database - base.database - (at - base.at)) > CLOCK_SKEW_MS;
    const [mark] = await sql.query<{ steady_since: string; before: string | null }>(
      `WITH last AS (SELECT seen FROM clock)
       INSERT INTO clock AS c (seen, steady_since) VALUES ($1::bigint, $1::bigint)
       ON CONFLICT (one) DO UPDATE SET seen = $1::bigint, steady_since = CASE
         WHEN NOT $2::boolean AND (c.seen IS NULL OR $1::bigint BETWEEN c.seen - $3::bigint AND c.seen + $4::bigint)
         THEN c.steady_since ELSE $1::bigint END
       RETURNING steady_since, (SELECT seen FROM last) AS before`,
      [database, hasJumped, CLOCK_SKEW_MS, GAP_MS],
    );
    last = { database, at, steadySince: Number(mark?.steady_since) };
    const hasGoneBack = mark !== undefined && mark.before !== null && database < Number(mark.before) - CLOCK_SKEW_MS;
    if (base === undefined && !hasGoneBack) afterStop = last;
    // not for ever against the first: two good clocks drift apart, too
    if (base === undefined || hasJumped || at - base.at > CLOCK_STEADY_MS) base = last;
    tell();
  };
  const tell = () => {
    const found = doubt();
    if (found === null) {
      if (told !== null) log.info({ skewMs: skewMs() }, 'the clock is trusted again');
      told = null;
      return;
    }
    // a start after a stop is no news: nothing was there to look
    const isStop = found.kind === 'unsteady' && last?.steadySince === afterStop?.steadySince;
    const level = isStop ? 'info' : 'warn';
    const isNews = told?.kind !== found.kind || told.level !== level;
    if (!isNews && performance.now() - (told?.at ?? 0) <= TELL_AGAIN_MS) return;
    log[level]({ clock: found.kind, skewMs: skewMs() }, `what can't be undone waits: ${found.sentence}`);
    told = { kind: found.kind, level, at: performance.now() };
  };
  return {
    now,
    look,
    assertAgrees,
    confirm: async () => {
      if (!agrees()) await look();
      assertAgrees();
    },
    get skewMs() {
      return skewMs();
    },
    get agrees() {
      return agrees();
    },
    get doubt() {
      return doubt();
    },
  };
}

function sentenceOf(skewMs: number | null): string {
  if (skewMs === null) return "the database's clock could not be read";
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return `this node's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} its database's`;
}

/** Looks at the clocks every 10 s. */
export function watchClock(clock: Clock, log: Logger): Job {
  return periodically('clock', CLOCK_LOOK_EVERY_MS, log, () => clock.look());
}
