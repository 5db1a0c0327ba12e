import { compileCache, freePort, freshName } from '@dta/testkit';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { blocksOf, runBlocks, type Block, type Result } from './pages.js';

/** A person who follows docs/install.md, with folders, ports and names of databases of their own. */
export interface Follower {
  /** Step 1; gives the names of the nodes. */
  makeIdentities(): Promise<string[]>;
  /**
   * All other steps; `servers` is an address of PostgreSQL whose user may make databases and users, as which the SQL of step 4
   * runs. Gives what became of each block.
   */
  goOn(servers: string, given: Readonly<Record<string, string>>): Promise<readonly Result[]>;
  /** Where the page has /var/lib/dta. */
  readonly folder: string;
  /** Of the gateway, and the token of its callers. */
  api(): Promise<{ readonly url: string; readonly token: string }>;
  /** Ends what the page started. */
  stop(): Promise<void>;
}

/** The line of the page that a fiduciary alone writes otherwise. */
const ROLES = "roles='principal beneficiary fiduciary'";
/** Names of other roles and of the gateway, as paths or arguments: what a fiduciary alone skips. */
const OTHERS = /\/(principal|beneficiary|gateway)\/|\bgateway\b|\bbeta\(\)|\bbeta \//;

/**
 * Makes one.
 *
 * @param page the page's text
 * @param folder there, empty
 * @param alone whether only the fiduciary is installed, as the page says
 */
export async function followPage(page: string, folder: string, alone: boolean): Promise<Follower> {
  const replaced = new Map([
    ['/var/lib/dta', folder],
    ['dta_', `${freshName()}_`],
  ]);
  for (const port of new Set(page.match(/\b(946\d|5556)\b/g))) replaced.set(port, String(await freePort()));
  if (alone) replaced.set(ROLES, 'roles=fiduciary');
  const all = blocksOf(page).map(({ text, shown }): Block => {
    let own = text;
    for (const [from, to] of replaced) own = own.replaceAll(from, to);
    return { text: own, shown };
  });
  const [setup, identities, ...rest] = alone ? all.filter(({ text }, at) => at === 0 || !OTHERS.test(text)) : all;
  const sql = rest.findIndex(({ text }) => text.includes('databases.sql')) + 1;
  if (setup === undefined || identities === undefined || sql === 0) {
    throw new Error('the page begins with a folder and identities, and makes databases');
  }
  return {
    folder,
    makeIdentities: async () => {
      const [, made] = await runBlocks([setup, identities], compileCache);
      return [...(made?.output ?? '').matchAll(/^[a-z]+ (bafy\w+)$/gm)].map(([, name = '']) => name);
    },
    goOn: async (servers, given) => {
      const environment = { ...compileCache, ...given, POSTGRES: new URL(servers).host };
      const before = await runBlocks([setup, ...rest.slice(0, sql)], environment);
      await runSql(servers, await readFile(join(folder, 'databases.sql'), 'utf8'));
      const after = await runBlocks([setup, ...rest.slice(sql)], environment);
      return [...before, ...after];
    },
    api: async () => ({
      url: `http://127.0.0.1:${replaced.get('5556')}`,
      token: (await readFile(join(folder, 'token'), 'utf8')).trim(),
    }),
    stop: () => stopAll(folder),
  };
}

/** `CREATE DATABASE` is a message of its own. */
async function runSql(servers: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: servers });
  await client.connect();
  try {
    for (const statement of sql.split(';')) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function stopAll(folder: string): Promise<void> {
  const roles = await readdir(folder);
  const pids = await Promise.all(roles.map((role) => readFile(join(folder, role, 'pid'), 'utf8').catch(() => '')));
  const running = pids.filter((pid) => pid !== '').map(Number);
  for (const pid of running) if (await isRunning(pid)) process.kill(pid, 'SIGTERM');
  for (const pid of running) while (await isRunning(pid)) await delay(50);
}

/** One that has ended, and whose parent hasn't asked how, has no command line any more. */
async function isRunning(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}
