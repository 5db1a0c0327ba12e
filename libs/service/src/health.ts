import { isDtaError } from '@dta/errors';

/** What a process says about itself to whoever asks. */
export interface HealthReport {
  readonly ready: boolean;
  /** Each named part that readiness stands on: `up`, or why it is not. */
  readonly parts: Readonly<Record<string, string>>;
  /** Parts that are away and without which the work goes on, and why. */
  readonly degraded: Readonly<Record<string, string>>;
}

/**
 * Whether a part of a process can do its work: settles where it can, rejects where it can't. Of the error the report shows
 * the code and, where its metadata has one, the `reason`: never the message, which may hold an address. A text that it
 * settles with says why it can't, in words that anyone may read.
 */
export type HealthCheck = () => Promise<unknown>;

/** Whether a process lives, and whether it can do its work. */
export interface Health {
  /** A part that the process stands on; where it isn't `needed`, its being away is told, and the process is ready all the same. */
  part(name: string, check: HealthCheck, options?: { readonly needed?: boolean }): void;
  /** From now on ready as far as the parts say so: the process has started. */
  started(): void;
  /** From now on not ready, whatever the parts say: the process is stopping. */
  stopping(): void;
  /** Asks each part, or remembers what it said within the last second: asking is cheap, whoever does it and how often. */
  report(): Promise<HealthReport>;
}

/** A part that doesn't say how it is by then is away. */
const CHECK_LIMIT_MS = 2_000;
const REMEMBERED_MS = 1_000;

interface Part {
  readonly needed: boolean;
  /** `up`, or why not */
  readonly state: () => Promise<string>;
}

/** A process is ready once it has started, while every part that it needs is up and nobody has told it to stop. */
export function createHealth(): Health {
  const parts = new Map<string, Part>();
  let phase: 'starting' | 'up' | 'stopping' = 'starting';
  return {
    part: (name, check, { needed = true } = {}) =>
      void parts.set(name, { needed, state: remembered(() => stateOf(check), REMEMBERED_MS) }),
    started: () => {
      if (phase === 'starting') phase = 'up';
    },
    stopping: () => {
      phase = 'stopping';
    },
    report: async () => {
      const states = await Promise.all(
        [...parts].map(async ([name, { needed, state }]) => ({ name, needed, state: await state() })),
      );
      const needed = states.filter((part) => part.needed);
      const degraded = states.filter((part) => !part.needed && part.state !== 'up');
      const named = (some: typeof states) => Object.fromEntries(some.map(({ name, state }) => [name, state]));
      return {
        ready: phase === 'up' && needed.every(({ state }) => state === 'up'),
        parts: { process: phase, ...named(needed) },
        degraded: named(degraded),
      };
    },
  };
}

async function stateOf(check: HealthCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, CHECK_LIMIT_MS, 'away (timeout)');
  });
  const asked = check().then(
    (said) => (typeof said === 'string' ? said : 'up'),
    (error: unknown) => `away (${reasonOf(error)})`,
  );
  return Promise.race([asked, tooLong]).finally(() => clearTimeout(timer));
}

function reasonOf(error: unknown): string {
  if (!isDtaError(error)) return 'internal';
  const { reason } = error.metadata;
  return typeof reason === 'string' ? `${error.code}: ${reason}` : error.code;
}

/** `task`, of which one run at a time is under way, and whose outcome holds for `ms`. */
export function remembered<T>(task: () => Promise<T>, ms: number | ((tookMs: number) => number)): () => Promise<T> {
  let outcome: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (outcome === undefined || performance.now() >= until) {
      until = Infinity;
      const begun = performance.now();
      outcome = task().finally(() => {
        const ended = performance.now();
        until = ended + (typeof ms === 'number' ? ms : ms(ended - begun));
      });
    }
    return outcome;
  };
}
