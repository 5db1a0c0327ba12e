import { rmSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackPackages, wouldInstall } from '../../libs/testkit/dist/src/index.js';

/** Node's libraries, a shell, and what the scripts of deploy/compose run. */
const wanted = ['base-files', 'dash', 'coreutils', 'grep', 'libstdc++6'];
/** What these name for their installation alone. */
const installers =
  /^(dpkg|tar|mawk|debianutils|perl-base|libcrypt1|debconf|libbz2-1\.0|liblzma5|libmd0|libzstd1|zlib1g)(:|$)/;
/** As debian:bookworm-slim leaves them out too. */
const unwanted = ['usr/share/locale', 'usr/share/man', 'usr/share/info', 'usr/share/lintian', 'usr/share/bug', 'boot'];

/**
 * The root folder of a base image, of this machine's Debian or Ubuntu: stands for debian:bookworm-slim where no registry
 * can be reached. Programs are as Debian has them; nothing in it was configured by its packages' scripts.
 */
export async function makeDebianBase(folder) {
  await rm(folder, { recursive: true, force: true });
  const controls = await unpackPackages(folder, async (aptGet) => {
    const all = await wouldInstall(aptGet, wanted, { onEmptyMachine: true });
    return all.filter((name) => !installers.test(name));
  });
  for (const part of unwanted) rmSync(join(folder, part), { recursive: true, force: true });
  await keepCopyrightsAlone(join(folder, 'usr/share/doc'));
  const accounts = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    group: 'root:x:0:\nnogroup:x:65534:\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  };
  for (const [name, text] of Object.entries(accounts)) await writeFile(join(folder, 'etc', name), text);
  // by these a scanner knows Debian's packages, as in other images that have no dpkg
  const known = join(folder, 'var/lib/dpkg/status.d');
  await mkdir(known, { recursive: true });
  for (const control of controls) await writeFile(join(known, /^Package: (\S+)/m.exec(control)[1]), control);
}

async function keepCopyrightsAlone(folder) {
  for (const { name, parentPath } of await readdir(folder, { recursive: true, withFileTypes: true }).then((all) =>
    all.filter((entry) => entry.isFile() && entry.name !== 'copyright'),
  )) {
    await rm(join(parentPath, name));
  }
}
