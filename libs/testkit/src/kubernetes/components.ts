import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import { spawnWithParent } from '../spawn-with-parent.js';

/** The start of each part of a cluster, on a busy machine. */
const startLimitMs = 180_000;

/** Where programs run: on this machine as it is, or in namespaces. */
export interface Place {
  /** A command line that runs a program there. */
  inside(args: readonly string[]): readonly [string, ...string[]];
}

/** A program of a cluster, which runs until it is stopped, and ends with this process. */
export interface Component {
  readonly name: string;
  readonly isGone: boolean;
  /** What it wrote last. */
  lastWords(): string;
  /** Ends it as a crash would; settles when it is gone. */
  kill(): Promise<void>;
}

/** Starts a program whose output goes to `<name>.log` in `folder`. */
export async function startComponent(
  place: Place,
  name: string,
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Component> {
  await mkdir(folder, { recursive: true });
  const log = join(folder, `${name}.log`);
  const output = openSync(log, 'a');
  const [program, ...rest] = place.inside(args);
  const child = spawnWithParent(program, rest, { stdio: ['ignore', output, output], ...(env && { env }) });
  closeSync(output);
  let isGone = false;
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  void gone.then(() => (isGone = true));
  return {
    name,
    get isGone() {
      return isGone;
    },
    lastWords: () => readFileSync(log, 'utf8').slice(-3_000).trim() || 'it said nothing',
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/**
 * Settles when `isReady` says so.
 *
 * @throws DtaError `start_failed` with the last words of one that ended before
 */
export async function untilReady(
  what: string,
  components: readonly Component[],
  isReady: () => Promise<boolean>,
): Promise<void> {
  for (const limit = performance.now() + startLimitMs; !(await isReady().catch(() => false)); await delay(100)) {
    const dead = components.find(({ isGone }) => isGone);
    if (dead !== undefined) throw new DtaError('start_failed', `${dead.name} ended: ${dead.lastWords()}`);
    if (performance.now() < limit) continue;
    const words = components.map(({ name, lastWords }) => `${name}: ${lastWords().slice(-1_000)}`).join('\n');
    throw new DtaError('start_failed', `${what} is not ready after ${startLimitMs / 1000} s. ${words}`);
  }
}
