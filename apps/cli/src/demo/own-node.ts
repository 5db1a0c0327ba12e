import { DtaError } from '@dta/errors';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The standalone node's program; the import rules keep it a process of its own. */
const PROGRAM = join(import.meta.dirname, '../../../../standalone/dist/src/main.js');

/** A standalone node for as long as the demo runs. */
export interface OwnNode {
  readonly url: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a standalone node as a child process, on a free port, in a temporary folder.
 *
 * @throws `start_failed` with the node's own words
 */
export async function startOwnNode(signal: AbortSignal): Promise<OwnNode> {
  if (!existsSync(PROGRAM)) throw new DtaError('start_failed', `${PROGRAM} is not there: npm run build makes it`);
  const folder = await mkdtemp(join(tmpdir(), 'dta-demo-'));
  // a Ctrl-C in the terminal is for the demo alone: a node that hears it twice ends without stopping its database
  const child = spawn(process.execPath, [PROGRAM, '--port', '0', '--data', folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
  let told = '';
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told = (told + text).slice(-8_000);
      const [ready] = /http:\/\/localhost:\d+/.exec(told) ?? [];
      if (ready !== undefined) resolve(ready);
    });
    const lastWords = () => said.trim().split('\n').at(-1) || 'it ended without a word';
    void gone.then(() => reject(new DtaError('start_failed', `the node for this demo did not start: ${lastWords()}`)));
    signal.addEventListener('abort', () => reject(signal.reason as Error)); // what AbortController.abort was given
  });
  try {
    return { url: await url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
