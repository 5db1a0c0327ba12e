import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openNode, type NodeOptions } from '../src/index.js';
import { refusal } from './refusal.js';
import { cast, RoleRig, type Cast } from './testing/index.js';

let rig: RoleRig;
let members: Cast;
let options: NodeOptions;
let folder: string;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  folder = options.admittedIdentities ?? '';
});

afterAll(() => rig.close());

async function open(said: Partial<NodeOptions> = {}): Promise<string[]> {
  const { transport, log } = rig.parts();
  const node = await openNode({ ...options, ...said }, { transport, log });
  const admitted = node.admission.list().map(({ name }) => name);
  await node.close();
  return admitted.sort();
}

describe('a role starts', () => {
  test('with whom its folder of admitted identities holds, and passes over what a mount or an editor puts there', async () => {
    await mkdir(join(folder, '..data'));
    await writeFile(join(folder, '.p.swp'), 'no document');
    expect(await open()).toEqual(['F1', 'P']);
  });
});

describe('a role does not start', () => {
  test('with a file among the admitted identities that is none, or without the folder', async () => {
    const file = join(folder, 'other');
    await writeFile(file, 'no document');
    await expect(open()).rejects.toThrow(
      refusal('start_failed', 'no valid identity documents, Revocations or Decisions in ' + folder + ': other'),
    );
    await rm(file);
    await expect(open({ admittedIdentities: join(folder, 'gone') })).rejects.toThrow(
      refusal('start_failed', 'cannot read the folder'),
    );
  });

  test('with the keys of another role, none, or under a passphrase that they do not have', async () => {
    await expect(open({ role: 'principal' })).rejects.toThrow(refusal('start_failed', "is not a principal's"));
    await expect(open({ keyFile: join(folder, 'gone') })).rejects.toThrow(refusal('start_failed', 'cannot read'));
    await expect(open({ passphrase: 'some' })).rejects.toThrow(refusal('key_file_invalid', 'sealed by custody'));
  });

  test('without its database, and says nothing of the password', async () => {
    const url = new URL(options.database.url);
    url.pathname = '/gone';
    const refused = open({ database: { url: url.href, poolSize: 1 } });
    await expect(refused).rejects.toThrow(refusal('service_unavailable', '/gone'));
    await expect(refused).rejects.not.toThrow(url.password);
  });
});
