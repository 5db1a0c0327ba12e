// How a program tells a person what it is at. Plain JavaScript for Node 20, built-ins only: scripts use it before anything
// is compiled.

/** After so long without a line comes one, well before a person takes a program for dead (10 s). */
export const QUIET_MS = 8_000;

/**
 * Lines that say how far a program is.
 *
 * @typedef {object} Progress
 * @property {(text: string) => void} say a line with the time since the beginning
 * @property {<T>(what: string, task: () => Promise<T>, detail?: () => string) => Promise<T>} during runs a task; while it
 *   runs and nothing else is written, a line comes every {@link QUIET_MS}: what, for how long, and the detail of now
 * @property {() => void} heard something was written by another hand
 */

/**
 * Opens a progress that begins now. It keeps no process alive.
 *
 * @param {{ write?: (text: string) => void, quietMs?: number }} [options] `write`: standard output by default
 * @returns {Progress}
 */
export function openProgress({ write = (text) => void process.stdout.write(text), quietMs = QUIET_MS } = {}) {
  const begin = performance.now();
  /** @type {{ what: string, since: number, detail: (() => string) | undefined }[]} */
  const running = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const heard = () => {
    clearTimeout(timer);
    if (running.length > 0) timer = setTimeout(tick, quietMs).unref();
  };
  /** @param {string} text */
  const say = (text) => {
    write(`[${secondsSince(begin).toFixed(1).padStart(5)} s] ${text}\n`);
    heard();
  };
  const tick = () => {
    const newest = running.at(-1);
    if (newest === undefined) return;
    const { what, since, detail } = newest;
    const more = detail?.() ?? '';
    say(`${what}: ${Math.round(secondsSince(since))} s so far${more === '' ? '' : `, ${more}`}`);
  };
  return {
    say,
    heard,
    during: async (what, task, detail) => {
      const own = { what, since: performance.now(), detail };
      running.push(own);
      heard();
      try {
        return await task();
      } finally {
        running.splice(running.indexOf(own), 1);
        heard();
      }
    },
  };
}

/** @param {number} time */
function secondsSince(time) {
  return (performance.now() - time) / 1000;
}
