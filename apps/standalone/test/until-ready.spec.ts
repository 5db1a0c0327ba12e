import { describe, expect, test } from '@jest/globals';
import type { Role } from '@dta/identity';
import { createHealth } from '@dta/service';
import { sayMissing, untilReady, type RoleNotReady, type StartedRole } from '../src/until-ready.js';

/** A role that has started, with one part that is up once it is told to. */
function started(name: string, role: Role, isUp: () => boolean = () => true): StartedRole {
  const health = createHealth();
  health.part('postgres', async () => (isUp() ? undefined : 'away'));
  health.started();
  return { name, role, health };
}

const never = () => false;
const { signal } = new AbortController();

describe('a standalone node waits', () => {
  test('until all its roles are ready', async () => {
    let looks = 0;
    const late = started('fiduciary-1', 'fiduciary', () => (looks += 1) > 1);
    const told: string[] = [];
    const tell = (missing: readonly RoleNotReady[]) => void told.push(sayMissing(missing));
    expect(await untilReady([started('principal', 'principal'), late], { signal, tell })).toEqual([]);
    expect([told[0], told.at(-1)]).toEqual(['fiduciary-1 (postgres away)', '']);
  });

  test('no longer than a while for one that orders may do without, and names it', async () => {
    const roles = [
      started('principal', 'principal'),
      started('fiduciary-1', 'fiduciary'),
      started('fiduciary-2', 'fiduciary', never),
    ];
    expect(await untilReady(roles, { signal, othersWithinMs: 300 })).toEqual([
      { name: 'fiduciary-2', reason: 'postgres away' },
    ]);
  });

  test('for its principal as long as it takes, until it is told to stop', async () => {
    const stopping = new AbortController();
    let looks = 0;
    const tell = (missing: readonly RoleNotReady[]) => {
      expect(sayMissing(missing)).toBe('principal (postgres away)');
      if ((looks += 1) === 5) stopping.abort();
    };
    const roles = [started('principal', 'principal', never), started('fiduciary-1', 'fiduciary')];
    const waiting = untilReady(roles, { signal: stopping.signal, tell, othersWithinMs: 0 });
    const error: unknown = await waiting.catch((reason: unknown) => reason);
    expect([looks, error === stopping.signal.reason]).toEqual([5, true]);
  });
});
