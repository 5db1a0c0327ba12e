// `npm run images`, in a compiled checkout: node tools/images/build.mjs [option…]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkoutRoot, openPodman, withLock } from '../../libs/testkit/dist/src/index.js';
import { node } from '../bootstrap.mjs';
import { answerArguments } from '../command.mjs';
import { failWith, root, run, say } from '../process.mjs';
import { makeDebianBase } from './debian-base.mjs';
import { imagesCommand } from './options.mjs';

/** Image by target of the Dockerfile. */
const images = { roles: 'dta', cli: 'dta-cli' };
const folder = join(checkoutRoot(), '.cache', 'images');
const { debian, save } = answerArguments(imagesCommand, process.argv.slice(2));
const builder = debian === 'true' ? null : findBuilder();
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const labels = [
  '--build-arg',
  `VERSION=${version}`,
  '--build-arg',
  `REVISION=${git('rev-parse', 'HEAD') ?? 'unknown'}`,
];

if (builder === null) {
  if (debian !== 'true') say('there is no docker, podman or buildah: a Podman is taken from Debian packages');
  await withLock(`${folder}.lock`, buildFromDebian).catch((error) => failWith(error.message));
} else {
  if (save !== undefined) failWith(`--save is for --debian: ${builder} keeps the images, and saves them by itself`);
  for (const [target, image] of Object.entries(images)) {
    const args = ['--target', target, '--tag', image, ...labels, root];
    const format = builder === 'docker' ? [] : ['--format', 'docker']; // OCI's own has no HEALTHCHECK
    if ((await run(`building ${image}`, builder, ['build', ...format, ...args])) !== 0) failWith('not built');
    say(`built ${image}, which ${builder} keeps`);
  }
}

/** The Dockerfile as it is, but for its first stage, which this checkout has been through, and the image that it builds on. */
async function buildFromDebian() {
  const [base, context] = [join(folder, 'base'), join(folder, 'context')];
  if (!existsSync(base)) {
    const unfinished = `${base}.new`;
    await makeDebianBase(unfinished);
    await rename(unfinished, base);
    say('unpacked a base of Debian packages');
  }
  await mkdir(folder, { recursive: true });
  if ((await run('gathering', node(), [join(root, 'tools/images/production.mjs'), context])) !== 0)
    failWith('not built');
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const stage = /^FROM \S+ AS build\n[^]*?(?=^FROM )/m;
  if (!stage.test(dockerfile)) failWith('the Dockerfile has no stage `build`');
  const files = {
    Dockerfile: dockerfile.replace(stage, '').replaceAll('COPY --from=build /out/', 'COPY '),
    'Dockerfile.base':
      'FROM scratch\nCOPY . /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // the same commit gives the same layers
  const time = git('log', '-1', '--format=%ct') ?? '0';
  const common = [
    '--isolation',
    'chroot',
    '--format',
    'docker',
    '--layers',
    '--pull-never',
    '--timestamp',
    time,
    '--quiet',
  ];
  const { podman, stop } = await openPodman({ store: join(folder, 'store') });
  try {
    const build = async (image, args) => {
      await podman(['build', ...common, '--tag', `localhost/${image}`, ...args], { timeoutMs: 600_000 });
      const size = await podman(['image', 'inspect', '--format', '{{.Size}}', `localhost/${image}`]);
      say(`built ${image}: ${Math.round(Number(size) / 1e6)} MB`);
    };
    await build('dta-base', ['--file', join(folder, 'Dockerfile.base'), base]);
    for (const [target, image] of Object.entries(images)) {
      const from = ['--build-arg', 'BASE=localhost/dta-base', '--target', target, '--file', join(folder, 'Dockerfile')];
      await build(image, [...from, ...labels, context]);
    }
    await podman(['image', 'prune', '--force']);
    if (save === undefined) return;
    await mkdir(save, { recursive: true });
    for (const image of Object.values(images)) {
      const file = resolve(save, `${image}.tar`);
      await rm(file, { force: true });
      await podman(['save', '--quiet', '--output', file, `localhost/${image}`], { timeoutMs: 600_000 });
      say(`saved ${file}`);
    }
  } finally {
    await stop();
  }
}

/** The builder that is there: docker only where its engine answers. */
function findBuilder() {
  const answers = ([command, ...args]) => spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
  const tries = { docker: ['docker', 'info'], podman: ['podman', 'version'], buildah: ['buildah', 'version'] };
  return Object.keys(tries).find((name) => answers(tries[name])) ?? null;
}

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return null; // not a clone
  }
}
