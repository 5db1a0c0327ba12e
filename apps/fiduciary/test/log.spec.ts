import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cidFromBytes, cidOf, type Cid } from '@dta/codec';
import { openFilesystemStore, type DocumentStore } from '@dta/document-store';
import { auditLog } from '@dta/envelope';
import { revokeIdentity, type Identity } from '@dta/identity';
import { cast, codeOf, member, RoleRig, successorOf, WiredParties, type Cast } from '@dta/node/testing';
import type { NodeOptions } from '@dta/node';
import { readConfig } from '@dta/service';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fiduciarySettings, startFiduciary } from '../src/index.js';

// A fiduciary that publishes, asked for its head by anyone and by its gateway; identities by their CID alone.

let rig: RoleRig;
let members: Cast;
let folder: string;
let store: DocumentStore;
let options: NodeOptions;

beforeEach(async () => {
  [rig, members] = [await RoleRig.open(), await cast()];
  folder = await mkdtemp(join(tmpdir(), 'dta-log-'));
  store = await openFilesystemStore(folder);
});
afterEach(async () => {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
});

const head = () => rig.request(members.f1.identity.cid, 'fiduciary', 'head', new Uint8Array());

test('the head is asked for by anyone, and by the gateway; from it the log is audited', async () => {
  options = {
    ...(await rig.prepare(members.f1, 'fiduciary', [members.p.identity])),
    documentStore: { kind: 'filesystem', folder },
  };
  await rig.start(startFiduciary, options);
  expect(await head()).toEqual(new Uint8Array());
  expect(await rig.call(options, members.f1, 'log-head', {})).toEqual({
    ...{ role: 'fiduciary', nodeCID: members.f1.identity.cid, head: null },
  });
  const content = rig.request(members.f1.identity.cid, 'fiduciary', 'head', Uint8Array.of(0));
  expect(await codeOf(content)).toBe('document_invalid');

  await new WiredParties(rig, members).wire(members.f1).place();
  let segment: Cid | undefined;
  for (const limit = Date.now() + 20_000; segment === undefined; await delay(50)) {
    const said = await head();
    if (said.length > 0) segment = cidFromBytes(said);
    if (Date.now() > limit) throw new Error('nothing was published');
  }
  const { head: told } = await rig.call(options, members.f1, 'log-head', {});
  const newest = told?.segment ?? segment;
  const audited = await auditLog((cid) => store.get(cid), {
    ...{
      head: newest,
      role: 'fiduciary',
      identity: members.f1.identity.cid,
      seen: () => ({ segment: newest, seq: told?.seq ?? 0 }),
    },
  });
  expect(audited.envelopes).toBeGreaterThan(0);
});

describe('an identity by its CID', () => {
  const put = ({ cid, bytes }: Pick<Identity, 'cid' | 'bytes'>) => store.put({ root: cid, blocks: [{ cid, bytes }] });
  const admit = (idDocumentCID: Cid) =>
    rig.call(options, members.f2, 'admit-identity', { documents: [], idDocumentCID });
  beforeEach(async () => {
    options = {
      ...(await rig.prepare(members.f2, 'fiduciary', [members.p.identity])),
      documentStore: { kind: 'filesystem', folder },
    };
    await rig.start(startFiduciary, options);
  });

  test('is admitted out of the store, with the predecessors that nobody has told of', async () => {
    const q = await member('Q', 'principal');
    const second = await successorOf(q);
    const [{ identity: first }, third] = [q, await successorOf(second)];
    expect(await codeOf(admit(third.identity.cid))).toBe('identity_not_found');
    await put(third.identity);
    await put(second.identity);
    expect(await codeOf(admit(third.identity.cid))).toBe('identity_not_found'); // its first document is not there
    await put(first);
    expect(await admit(third.identity.cid)).toEqual({ idDocumentCID: third.identity.cid });
    const view = await rig.call(options, members.f2, 'get-identity', { idDocumentCID: first.cid });
    expect(view).toMatchObject({ admitted: true, standing: 'sound' });
  });

  test('is refused where the CID is of something else', async () => {
    const bytes = members.p.identity.bytes.subarray(0, 90);
    await put({ cid: cidOf(bytes), bytes });
    expect(await codeOf(admit(cidOf(bytes)))).toMatch(/^(non_canonical|identity_invalid)$/);
  });
});

test('an identity is admitted by all documents of its chain in one call, in any order, and its Revocation beside them', async () => {
  options = await rig.prepare(members.f2, 'fiduciary', [members.p.identity]);
  await rig.start(startFiduciary, options);
  const q = await member('Q', 'principal');
  const second = await successorOf(q);
  const { bytes: revocation } = await revokeIdentity(second.identity.cid, 'over', second.key, Date.now());
  const admit = (...documents: Uint8Array[]) =>
    rig.call(options, members.f2, 'admit-identity', { documents, idDocumentCID: null });
  expect(await codeOf(admit(second.identity.bytes))).toBe('identity_invalid');
  expect(await admit(second.identity.bytes, q.identity.bytes)).toEqual({ idDocumentCID: second.identity.cid });
  const standing = async () =>
    (await rig.call(options, members.f2, 'get-identity', { idDocumentCID: q.identity.cid })).standing;
  expect(await standing()).toBe('sound');
  await admit(revocation, second.identity.bytes, q.identity.bytes);
  expect(await standing()).toBe('revoked');
});

test('without a store there is none to find an identity in', async () => {
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  await rig.start(startFiduciary, options);
  const asked = rig.call(options, members.f1, 'admit-identity', {
    documents: [],
    idDocumentCID: members.b.identity.cid,
  });
  expect(await codeOf(asked)).toBe('identity_not_found');
});

test('the settings of a role on NATS take no folder, and no error shows a password', () => {
  const faultsOf = (DOCUMENT_STORE_KUBO: string): string => {
    try {
      readConfig(fiduciarySettings, { DOCUMENT_STORE_KUBO });
      return '';
    } catch (error) {
      return String(error);
    }
  };
  for (const wrong of ['/var/lib/dta/log', 'file:///var/lib/dta/log', 'ftp://user:secret@kubo']) {
    expect(faultsOf(wrong)).toContain('what is in a folder, no other machine would see');
    expect(faultsOf(wrong)).not.toMatch(/var|secret/);
  }
  expect(faultsOf('http://user:secret@127.0.0.1:5001')).not.toContain('DOCUMENT_STORE_KUBO'); // others are missing
});
