import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parseCid } from '@dta/codec';
import { custodyProtection, openSoftwareCustody } from '@dta/custody';
import {
  decisionStatement,
  generateKeys,
  generateSuccessor,
  IdentityDirectory,
  openKeyFile,
  parseStatement,
  passphraseProtection,
  readIdentity,
  revocationStatement,
  softwareSigningKey,
  verifyDecision,
  verifyRevocation,
} from '@dta/identity';
import { writeKeyFile } from '@dta/node';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dta } from './run-dta.js';

jest.setTimeout(180_000); // each test starts processes

let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-cli-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Paths of a node's files that aren't there yet. */
function newFiles(): { keyFile: string; document: string; custody: string } {
  made += 1;
  const file = (name: string) => join(folder, `${name}-${made}`);
  return { keyFile: file('key'), document: file('document'), custody: file('custody') };
}

const read = async (file: string) => new Uint8Array(await readFile(file));
const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

describe('dta identity create', () => {
  test('writes a key file under custody and the document, and prints its CID', async () => {
    const { keyFile, document, custody: file } = newFiles();
    const { status, output, errors } = await dta([
      ...['identity', 'create', '--name', 'a node', '--role', 'principal', '--role', 'beneficiary'],
      ...['--key-file', keyFile, '--document', document, '--custody-software', file],
    ]);
    expect([status, errors]).toEqual([0, '']);
    const identity = readIdentity(await read(document));
    expect(identity).toMatchObject({ name: 'a node', roles: ['principal', 'beneficiary'], prev: null });
    expect(output).toBe(`${identity.cid}\n`);

    const custody = await openSoftwareCustody({ file, warn: () => undefined });
    const [generation, ...others] = await openKeyFile(await read(keyFile), custodyProtection(custody));
    expect(others).toEqual([]);
    expect(generation?.document).toEqual(await read(document));
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('writes a key file under a passphrase, read as a role reads it: without the line end', async () => {
    const { keyFile, document } = newFiles();
    const passphraseFile = join(folder, 'passphrase');
    await writeFile(passphraseFile, 'correct horse\n');
    const { status } = await dta([
      ...['identity', 'create', '--name', 'a', '--role', 'fiduciary', '--key-file', keyFile, '--document', document],
      ...['--passphrase-file', passphraseFile],
    ]);
    expect(status).toBe(0);
    const protection = passphraseProtection(new TextEncoder().encode('correct horse'));
    expect(await openKeyFile(await read(keyFile), protection)).toHaveLength(1);
  });

  test('never writes over a file, and leaves no key file without its document', async () => {
    const { keyFile, document, custody } = newFiles();
    const create = (key: string, doc: string) =>
      dta([
        ...['identity', 'create', '--name', 'a', '--role', 'principal', '--key-file', key, '--document', doc],
        ...['--custody-software', custody],
      ]);
    expect((await create(keyFile, document)).status).toBe(0);
    const before = [await read(keyFile), await read(document)];
    for (const [key, doc] of [[keyFile, `${document}-2`] as const, [`${keyFile}-2`, document] as const]) {
      expect(await create(key, doc)).toMatchObject({
        status: 1,
        output: '',
        errors: expect.stringMatching(/^dta: .* is there already/),
      });
    }
    expect([await read(keyFile), await read(document)]).toEqual(before);
    expect(await exists(`${document}-2`)).toBe(false);

    const nowhere = await create(`${keyFile}-2`, join(folder, 'nowhere', 'document'));
    expect(nowhere).toMatchObject({
      status: 1,
      errors: expect.stringMatching(/^dta: cannot write .*nowhere\/document: ENOENT\n$/),
    });
    expect(await exists(`${keyFile}-2`)).toBe(false);
  });

  const named = ['--name', 'a', '--role', 'principal'];
  test.each<[string, string[], RegExp]>([
    ['neither custody nor passphrase', named, /--custody-software or --passphrase-file/],
    ['both', [...named, '--custody-software', 'c', '--passphrase-file', 'p'], /cannot be used with/],
    [
      'a passphrase file that is not there',
      [...named, '--passphrase-file', '/nowhere'],
      /cannot read \/nowhere: ENOENT/,
    ],
    ['an empty passphrase', [...named, '--passphrase-file', '/dev/null'], /no passphrase/],
    ['no role', ['--name', 'a'], /--role/],
    ['no name', ['--role', 'principal'], /--name/],
    ['an empty name', ['--name', '', '--role', 'principal'], /1 to 128 characters/],
    ['an unknown role', ['--name', 'a', '--role', 'king'], /principal, fiduciary, beneficiary/],
    ['a fiduciary that is something else too', [...named, '--role', 'fiduciary'], /a fiduciary has that role alone/],
    ['a role twice', [...named, '--role', 'principal'], /twice/],
  ])('refuses %s in one sentence', async (_, args, sentence) => {
    const { keyFile, document, custody } = newFiles();
    const protection =
      args.some((arg) => /custody|passphrase/.test(arg)) || args === named ? [] : ['--custody-software', custody];
    const all = ['identity', 'create', ...args, '--key-file', keyFile, '--document', document, ...protection];
    const { status, output, errors } = await dta(all);
    expect([status, output]).toEqual([1, '']);
    expect(errors.trim().split('\n')).toHaveLength(1);
    expect(errors).toMatch(sentence);
    expect([await exists(keyFile), await exists(document)]).toEqual([false, false]);
  });
});

describe('dta identity show', () => {
  test('shows what a sound document says', async () => {
    const { keyFile, document, custody } = newFiles();
    const files = ['--key-file', keyFile, '--document', document, '--custody-software', custody];
    const cid = (await dta(['identity', 'create', '--name', 'shown', '--role', 'beneficiary', ...files])).output.trim();
    const { status, output } = await dta(['identity', 'show', document]);
    expect(status).toBe(0);
    for (const text of [cid, 'shown', 'beneficiary']) expect(output).toContain(text);
  });

  test('gives the terminal no orders out of a name that anyone may have written', async () => {
    const { keyFile, document, custody } = newFiles();
    const files = ['--key-file', keyFile, '--document', document, '--custody-software', custody];
    const name = 'mine\u001b[2J\u202eand\nidDocumentCID  another';
    await dta(['identity', 'create', '--name', name, '--role', 'beneficiary', ...files]);
    const { status, output } = await dta(['identity', 'show', document]);
    expect(status).toBe(0);
    expect(output).toContain('mine\ufffd[2J\ufffdand\ufffdidDocumentCID  another');
    expect(output.split('\n').filter((line) => line.startsWith('idDocumentCID'))).toHaveLength(1);
  });

  test('refuses what is none, in one sentence', async () => {
    const { keyFile, document, custody } = newFiles();
    const files = ['--key-file', keyFile, '--document', document, '--custody-software', custody];
    await dta(['identity', 'create', '--name', 'altered', '--role', 'beneficiary', ...files]);
    const bytes = await read(document);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(document, bytes);
    for (const file of [document, keyFile, join(folder, 'nowhere')]) {
      const { status, output, errors } = await dta(['identity', 'show', file]);
      expect([status, output, errors.trim().split('\n').length]).toEqual([1, '', 1]);
      expect(errors).toContain(file);
    }
  });
});

/** A new fiduciary under custody, with a recovery key. */
async function createFiduciary() {
  const files = {
    ...newFiles(),
    recovery: join(folder, `recovery-${made + 1}`),
    passphrase: join(folder, `words-${made}`),
  };
  await writeFile(files.passphrase, 'correct horse\n');
  const { status } = await dta([
    ...['identity', 'create', '--name', 'a node', '--role', 'fiduciary', '--key-file', files.keyFile],
    ...['--document', files.document, '--custody-software', files.custody],
    ...['--recovery-key-file', files.recovery, '--recovery-passphrase-file', files.passphrase],
  ]);
  expect(status).toBe(0);
  return files;
}

async function generationsIn({ keyFile, custody: file }: { keyFile: string; custody: string }) {
  const custody = await openSoftwareCustody({ file, warn: () => undefined });
  return openKeyFile(await read(keyFile), custodyProtection(custody));
}

describe('dta identity rotate', () => {
  const rotate = ({ keyFile, custody }: { keyFile: string; custody: string }, document: string, ...more: string[]) =>
    dta(['identity', 'rotate', '--key-file', keyFile, '--document', document, '--custody-software', custody, ...more]);

  test('adds a generation, keeps the old one, and both keys sign the document', async () => {
    const files = await createFiduciary();
    const [first] = await generationsIn(files);
    const { status, output, errors } = await rotate(files, `${files.document}-2`);
    expect([status, errors]).toEqual([0, '']);
    const again = await rotate(files, `${files.document}-3`, '--name', 'another name');
    expect(again.status).toBe(0);

    const generations = await generationsIn(files);
    expect(generations).toHaveLength(3);
    expect(generations[0]).toEqual({ ...first, next: null });
    expect(generations[1]?.signSeed).toEqual(first?.next?.seed);
    expect(generations.map(({ next }) => next !== null)).toEqual([false, false, true]);
    expect((await stat(files.keyFile)).mode & 0o777).toBe(0o600);
    const documents = await Promise.all(['', '-2', '-3'].map((end) => read(`${files.document}${end}`)));
    expect(generations.map(({ document }) => document)).toEqual(documents);
    const directory = new IdentityDirectory();
    const identities = directory.add(documents); // the succession is checked here
    expect(output).toBe(`${identities[1]?.cid}\n`);
    expect(identities.map(({ name }) => name)).toEqual(['a node', 'a node', 'another name']);
    expect(directory.chainOf(identities[0]?.cid ?? parseCid('none'))).toHaveLength(3);
  });

  test('changes nothing where it can not go to its end', async () => {
    const files = await createFiduciary();
    const before = await read(files.keyFile);
    const taken = await rotate(files, files.document);
    expect(taken).toMatchObject({ status: 1, errors: expect.stringMatching(/cannot write .*: EEXIST\n$/) });
    await writeFile(`${files.keyFile}.new`, '');
    const busy = await rotate(files, `${files.document}-2`);
    expect(busy).toMatchObject({ status: 1, errors: expect.stringMatching(/somebody else is at it/) });
    expect(await exists(`${files.document}-2`)).toBe(false);
    expect(await read(files.keyFile)).toEqual(before);
  });

  test('takes the new key from a file of its own, where it was kept apart, and makes another', async () => {
    const files = newFiles();
    const [next, after, words] = ['next', 'after', 'next-words'].map((name) => join(folder, `${name}-${made}`)) as [
      string,
      string,
      string,
    ]; // three names
    await writeFile(words, 'correct horse\n');
    const passphrase = ['--next-passphrase-file', words];
    const created = await dta([
      ...['identity', 'create', '--name', 'a', '--role', 'fiduciary', '--key-file', files.keyFile],
      ...['--document', files.document, '--custody-software', files.custody, '--next-key-file', next, ...passphrase],
    ]);
    expect([created.status, created.errors]).toEqual([0, '']);
    expect((await stat(next)).mode & 0o777).toBe(0o600);
    expect((await generationsIn(files)).map((one) => one.next)).toEqual([null]);

    const without = await rotate(files, `${files.document}-2`);
    expect(without).toMatchObject({ status: 1, errors: expect.stringMatching(/give --next-key-file/) });
    await writeFile(`${files.keyFile}.new`, '');
    const spare = ['--next-key-file', next, ...passphrase, '--new-next-key-file', after];
    expect((await rotate(files, `${files.document}-2`, ...spare)).status).toBe(1); // the key file can't be written
    expect([await exists(after), await exists(`${files.document}-2`)]).toEqual([false, false]);
    await rm(`${files.keyFile}.new`);

    expect((await rotate(files, `${files.document}-2`, ...spare)).status).toBe(0);
    const last = await rotate(files, `${files.document}-3`, '--next-key-file', after, ...passphrase);
    expect([last.status, last.errors]).toEqual([0, '']);
    const directory = new IdentityDirectory();
    const documents = await Promise.all(['', '-2', '-3'].map((end) => read(`${files.document}${end}`)));
    expect(directory.add(documents)).toHaveLength(3);
    expect((await generationsIn(files)).map((one) => one.next !== null)).toEqual([false, false, true]);

    const before = await read(files.keyFile);
    const own = await rotate(files, `${files.document}-4`, '--next-key-file', after, ...passphrase);
    expect(own).toMatchObject({ status: 1, errors: expect.stringMatching(/has the next signing key itself/) });
    const words2 = await rotate(files, `${files.document}-4`, ...passphrase);
    expect(words2).toMatchObject({
      status: 1,
      errors: expect.stringMatching(/--next-passphrase-file .* of a next key/),
    });
    expect([await read(files.keyFile), await exists(`${files.document}-4`)]).toEqual([before, false]);
  });

  test('does not leave out what it was asked for: a next key in a file and in the token at once', async () => {
    const files = newFiles();
    const both = ['--sign-in-token', '--new-next-key-file', `${files.document}-next`];
    const refused = await rotate(files, files.document, ...both);
    expect(refused).toMatchObject({ status: 1, errors: expect.stringMatching(/cannot be used with/) });
  });

  test('ends at twelve documents', async () => {
    const files = newFiles();
    const generations = [await generateKeys({ name: 'old', roles: ['fiduciary'], now: Date.now() })];
    for (let last = generations[0]; last !== undefined && generations.length < 11; last = generations.at(-1)) {
      const seed = last.next?.seed ?? new Uint8Array();
      const keys = {
        predecessor: softwareSigningKey(last.signSeed ?? new Uint8Array()),
        own: { key: softwareSigningKey(seed), seed },
      };
      generations.push(await generateSuccessor(readIdentity(last.document), keys, { name: 'old', now: Date.now() }));
    }
    const custody = await openSoftwareCustody({ file: files.custody, warn: () => undefined });
    await writeKeyFile(files.keyFile, generations, custodyProtection(custody));
    await custody.close();
    const [words, next] = [`${files.document}-words`, `${files.document}-next`];
    await writeFile(words, 'correct horse\n');
    const kept = ['--new-next-key-file', next, '--next-passphrase-file', words];
    const none = await rotate(files, `${files.document}-12`, ...kept);
    expect(none).toMatchObject({ status: 1, errors: expect.stringMatching(/the last document of its chain/) });
    expect([await exists(next), await exists(`${files.document}-12`)]).toEqual([false, false]);
    expect((await rotate(files, `${files.document}-12`)).status).toBe(0);
    expect(readIdentity(await read(`${files.document}-12`)).next).toBeNull();
    const over = await rotate(files, files.document);
    expect(over).toMatchObject({ status: 1, errors: expect.stringMatching(/at most 12 documents/) });
    expect(await generationsIn(files)).toHaveLength(12);
  });
});

describe('dta identity decide', () => {
  test('says by the recovery key with which document a chain goes on, and by no other chain’s', async () => {
    const [files, others] = [await createFiduciary(), await createFiduciary()];
    const [kept, out] = [`${files.document}-2`, `${files.document}-decision`];
    await dta([
      ...['identity', 'rotate', '--key-file', files.keyFile, '--document', kept, '--custody-software', files.custody],
    ]);
    const decide = (first: string, recovery: string, keep = kept) =>
      dta([
        ...['identity', 'decide', '--reason', 'ours', '--decision', out, '--document', first, '--keep', keep],
        ...['--recovery-key-file', recovery, '--recovery-passphrase-file', files.passphrase],
      ]);
    const wrong = await decide(files.document, others.recovery);
    expect(wrong).toMatchObject({ status: 1, errors: expect.stringMatching(/not the recovery key/) });
    const none = await decide(files.document, files.recovery, files.document);
    expect(none).toMatchObject({ status: 1, errors: expect.stringMatching(/is no successor/) });
    const [first, second] = await Promise.all(
      [files.document, kept].map(async (file) => readIdentity(await read(file))),
    );
    expect(await decide(files.document, files.recovery)).toMatchObject({ status: 0, output: `${second?.cid}\n` });
    const decision = parseStatement([decisionStatement], await read(out));
    expect(() =>
      verifyDecision(
        decision,
        [first, second].flatMap((one) => one ?? []),
      ),
    ).not.toThrow();
  });
});

describe('dta identity decide for a chain of more documents', () => {
  test('names what peers take: a document of that very chain', async () => {
    const [files, others] = [await createFiduciary(), await createFiduciary()];
    const out = `${files.document}-decision`;
    const rotate = ({ keyFile, custody, document }: typeof files, number: number) =>
      dta([
        ...['identity', 'rotate', '--key-file', keyFile, '--custody-software', custody],
        ...['--document', `${document}-${number}`],
      ]);
    await rotate(others, 2);
    for (const number of [2, 3, 4]) await rotate(files, number);
    const decide = (keep: string, ...more: string[]) =>
      dta([
        ...['identity', 'decide', '--reason', 'ours', '--decision', out, '--document', files.document, '--keep', keep],
        ...['--recovery-key-file', files.recovery, '--recovery-passphrase-file', files.passphrase, ...more],
      ]);
    const foreign = await decide(`${others.document}-2`);
    expect(foreign).toMatchObject({
      status: 1,
      output: '',
      errors: expect.stringMatching(/-2 does not follow .*--between/),
    });
    const [two, three, four] = [2, 3, 4].map((number) => `${files.document}-${number}`) as [string, string, string]; // three
    const gap = await decide(four, '--between', two);
    expect(gap).toMatchObject({ status: 1, errors: expect.stringMatching(/does not follow/) });
    expect(await exists(out)).toBe(false);

    expect(await decide(four, '--between', three, '--between', two)).toMatchObject({ status: 0, errors: '' });
    const lineage = await Promise.all(
      [files.document, two, three, four].map(async (file) => readIdentity(await read(file))),
    );
    const decision = parseStatement([decisionStatement], await read(out));
    expect(() => verifyDecision(decision, lineage)).not.toThrow();
  });
});

describe('dta identity revoke', () => {
  async function revocationIn(file: string, document: string) {
    const revocation = parseStatement([revocationStatement], await read(file));
    verifyRevocation(revocation, [readIdentity(await read(document))]);
    return revocation.body;
  }

  test('by the newest key, or by the recovery key alone', async () => {
    const files = await createFiduciary();
    const { cid } = readIdentity(await read(files.document));
    const [one, two] = [`${files.document}-end-1`, `${files.document}-end-2`];
    const byKey = await dta([
      ...['identity', 'revoke', '--reason', 'moved', '--revocation', one],
      ...['--key-file', files.keyFile, '--custody-software', files.custody],
    ]);
    expect([byKey.status, byKey.output]).toEqual([0, `${cid}\n`]);
    expect(await revocationIn(one, files.document)).toMatchObject({ identity: cid, reason: 'moved' });
    await rm(files.keyFile);
    const byRecovery = await dta([
      ...['identity', 'revoke', '--reason', 'lost', '--revocation', two, '--document', files.document],
      ...['--recovery-key-file', files.recovery, '--recovery-passphrase-file', files.passphrase],
    ]);
    expect([byRecovery.status, byRecovery.output]).toEqual([0, `${cid}\n`]);
    expect(await revocationIn(two, files.document)).toMatchObject({ identity: cid, reason: 'lost' });
  });

  test('by no key of another chain, and by none at all', async () => {
    const [files, others] = [await createFiduciary(), await createFiduciary()];
    const out = `${files.document}-end`;
    const refused = await dta([
      ...['identity', 'revoke', '--reason', '', '--revocation', out, '--document', files.document],
      ...['--recovery-key-file', others.recovery, '--recovery-passphrase-file', others.passphrase],
    ]);
    expect(refused).toMatchObject({ status: 1, errors: expect.stringMatching(/not the recovery key/) });
    const none = await dta(['identity', 'revoke', '--reason', '', '--revocation', out]);
    expect(none).toMatchObject({ status: 1, errors: expect.stringMatching(/give --key-file, or --document/) });
    const two = await dta([
      ...['identity', 'revoke', '--reason', '', '--revocation', out, '--document', files.document],
      ...['--key-file', others.keyFile, '--custody-software', others.custody],
    ]);
    expect(two).toMatchObject({ status: 1, errors: expect.stringMatching(/cannot be used with/) });
    expect(await exists(out)).toBe(false);
  });
});
