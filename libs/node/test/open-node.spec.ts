import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { custodyProtection, openCustody } from '@dta/custody';
import { openNode, replaceKeyFile, type NodeOptions } from '../src/index.js';
import { refusal } from './refusal.js';
import { cast, RoleRig, successorOf, type Cast } from './testing/index.js';

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

  test('as the node that is expected, after a rotation too', async () => {
    const said = { ...(await rig.prepare(members.f2, 'fiduciary', [])), expectedNode: members.f2.identity.cid };
    await expect(open(said)).resolves.toBeDefined();
    const opened = await openCustody(said.custody, () => undefined);
    const generations = [members.f2.generation, (await successorOf(members.f2)).generation];
    await replaceKeyFile(said.keyFile, generations, custodyProtection(opened)).finally(() => opened.close());
    await expect(open(said)).resolves.toBeDefined();
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

  test("with another node's key than the one that is expected, and says both", async () => {
    const [own, expectedNode] = [members.f1.identity.cid, members.f2.identity.cid];
    await expect(open({ expectedNode })).rejects.toThrow(
      refusal('start_failed', `is of node ${own}, and EXPECTED_NODE is ${expectedNode}`),
    );
  });

  test('without its database, and says nothing of the password', async () => {
    const url = new URL(options.database.url);
    url.pathname = '/gone';
    const refused = open({ database: { url: url.href, poolSize: 1 } });
    await expect(refused).rejects.toThrow(refusal('service_unavailable', '/gone'));
    await expect(refused).rejects.not.toThrow(url.password);
  });
});
