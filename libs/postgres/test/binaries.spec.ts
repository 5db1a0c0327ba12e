import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { installedBinaries, serverBinaries, type InstalledBinaries } from '../src/binaries.js';
import { serverUser, type ServerUser } from '../src/server-user.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
let user: ServerUser;
let installed: InstalledBinaries;
let base: string;
let place: string;

beforeEach(async () => {
  user = await serverUser();
  installed = await installedBinaries();
  base = await mkdtemp(join(tmpdir(), 'dta-binaries-'));
  await chmod(base, 0o755);
  place = join(base, 'open');
  await mkdir(place);
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

/** The package as npm leaves it, without links, in a folder of ours. */
async function freshPackage(mode: number): Promise<InstalledBinaries> {
  const native = join(base, 'native');
  await cp(installed.native, native, { recursive: true, filter: async (source) => !(await isLink(source)) });
  await chmod(native, mode);
  return { ...installed, native };
}

async function isLink(path: string): Promise<boolean> {
  return (await readdir(dirname(path), { withFileTypes: true })).some(
    (entry) => entry.isSymbolicLink() && join(dirname(path), entry.name) === path,
  );
}

test('where the package can be run in place it is, once its links are made', async () => {
  const fresh = await freshPackage(0o755);
  expect(await readdir(join(fresh.native, 'lib'))).not.toContain('libicuuc.so.60');
  expect(await serverBinaries(user, fresh, place)).toBe(fresh.native);
  expect(await serverBinaries(user, fresh, place)).toBe(fresh.native);
  expect(await readdir(place)).toEqual([]);
});

asRoot('where the package lies in a closed folder, a copy that the server can run is made, once', async () => {
  const umask = process.umask(0o077);
  try {
    const closed = await freshPackage(0o700);
    const native = await serverBinaries(user, closed, place);
    expect(dirname(native)).toBe(place);
    const as = { uid: user.uid, gid: user.gid };
    const { stdout } = await promisify(execFile)(join(native, 'bin', 'initdb'), ['--version'], as);
    expect(stdout).toMatch(/^initdb \(PostgreSQL\) 18/);
    const { mtimeMs } = await stat(native);
    expect(await serverBinaries(user, closed, place)).toBe(native);
    expect((await stat(native)).mtimeMs).toBe(mtimeMs);

    await rm(join(native, 'share', 'postgresql', 'postgres.bki')); // as one that clears old files would
    expect(await serverBinaries(user, closed, place)).toBe(native);
    expect(await readdir(join(native, 'share', 'postgresql'))).toContain('postgres.bki');
    expect(await readdir(place)).toHaveLength(1);

    const refused = { code: 'start_failed', message: expect.stringMatching(/must be a folder of this user's/) };
    await chmod(native, 0o777);
    await expect(serverBinaries(user, closed, place)).rejects.toMatchObject(refused);
    await chmod(native, 0o755);
    await chown(native, user.uid, user.gid);
    await expect(serverBinaries(user, closed, place)).rejects.toMatchObject(refused);
  } finally {
    process.umask(umask);
  }
});

test('binaries that do not run here are refused with the reason', async () => {
  const fresh = await freshPackage(0o755);
  await rm(join(fresh.native, 'lib', 'libcrypto.so.1.1'));
  const refused = { code: 'start_failed', message: expect.stringMatching(/can't be run: .*libcrypto\.so\.1\.1/) };
  await expect(serverBinaries(user, fresh, place)).rejects.toMatchObject(refused);
});

test('a platform without a package is refused', async () => {
  const refused = {
    code: 'start_failed',
    message: expect.stringMatching(/no embedded PostgreSQL is installed for plan9-vax/),
  };
  await expect(installedBinaries('plan9-vax')).rejects.toMatchObject(refused);
});
