import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Writes an image of one file, as `docker save` does: what containerd starts first in each pod.
 *
 * @param folder is made, and stays
 * @param program static, since the image holds nothing else
 * @returns the path of the archive
 */
export async function writePauseImage(folder: string, name: string, program: string): Promise<string> {
  await mkdir(join(folder, 'root'), { recursive: true });
  await copyFile(program, join(folder, 'root', 'pause'));
  await run('tar', ['-cf', join(folder, 'layer.tar'), '-C', join(folder, 'root'), 'pause']);
  const layer = createHash('sha256').update(await readFile(join(folder, 'layer.tar')));
  const config = {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer.digest('hex')}`] },
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(folder, 'image.tar');
  await run('tar', ['-cf', archive, '-C', folder, 'manifest.json', 'config.json', 'layer.tar']);
  return archive;
}
