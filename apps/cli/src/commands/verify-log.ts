import { parseCid, type Cid } from '@dta/codec';
import { DOCUMENT_STORE_TIMEOUT_MS } from '@dta/contracts';
import { openFilesystemStore, openKuboStore, type DocumentStore } from '@dta/document-store';
import { auditLog, firstIdentity, type AuditedLog, type LogAudit } from '@dta/envelope';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { settings } from '@dta/service';
import { readSecretFile } from '../secret-file.js';
import { nodeApi } from '../demo/node-api.js';
import { SeenHeads } from '../log/seen-heads.js';

/** Which logs are verified, and where they lie. */
export interface VerifyLogOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly head?: string;
  readonly role?: Role;
  readonly node?: string;
  readonly kubo?: string;
  readonly kuboFile?: string;
  readonly folder?: string;
  readonly seen?: string;
}

type Say = (text: string) => void;

/** A log to verify, as it was named: its head is null where the node says that there is none. */
interface NamedLog extends Pick<AuditedLog, 'role' | 'identity'> {
  readonly head: Cid | null;
}

/** A role whose gateway could not get the head of its log. */
interface SilentRole {
  readonly role: Role;
  readonly nodeCID: Cid;
  readonly code: string;
}

interface NamedLogs {
  readonly logs: readonly NamedLog[];
  readonly away: readonly SilentRole[];
}

/**
 * Audits logs out of the document store alone and says of each whether it is sound; each by itself, so that one's fault
 * hides no other's. Heads that are sound are remembered.
 *
 * @returns whether all are sound
 * @throws where it can't be told, of one of them at least: `request_invalid`, `start_failed`, `service_unavailable`, `store_unavailable`
 */
export async function verifyLog(options: VerifyLogOptions, say: Say): Promise<boolean> {
  const store = await openStore(options);
  const seen = await SeenHeads.open(options.seen);
  const { logs, away } = await namedLogs(options, (cid) => firstIdentity((block) => store.get(block), cid));
  let isSound = true;
  for (const log of logs) {
    try {
      say(await verifyOne(store, seen, log));
    } catch (error) {
      if (isDtaError(error, 'store_unavailable')) throw error;
      isSound = false;
      say(faultOf(error, log));
    }
  }
  for (const { role, nodeCID, code } of away) say(`away   ${role} ${nodeCID}: does not tell its head (${code})`);
  await seen.save();
  if (isSound && away.length > 0) {
    throw new DtaError('service_unavailable', `${away.length} of the roles do not tell the heads of their logs`);
  }
  return isSound;
}

async function verifyOne(store: DocumentStore, seen: SeenHeads, { head, role, identity }: NamedLog): Promise<string> {
  const read = (cid: Cid) => store.get(cid);
  if (head === null) return empty(seen, role, identity === null ? null : await firstIdentity(read, identity));
  const audit = await auditLog(read, { head, role, identity, seen: (first, of) => seen.find(first, of) });
  seen.note(audit.identity, audit.role, audit.head);
  return sound(audit);
}

function sound({ role, identity, segments, envelopes, head }: LogAudit): string {
  return `sound  ${role} ${identity}: ${segments} segments, ${envelopes} envelopes, head ${head.segment}`;
}

/** @throws `log_rollback` where it wasn't empty before */
function empty(seen: SeenHeads, role: Role | null, identity: Cid | null): string {
  const before = role === null || identity === null ? undefined : seen.find(identity, role);
  if (before === undefined) return `empty  ${role} ${identity}: nothing published yet`;
  throw new DtaError('log_rollback', `there is no head, and segment ${before.seq} was seen before`, {
    metadata: { seen: before.segment, seenSeq: before.seq },
  });
}

/** What is wrong, by its code, and where: the metadata name segments and blocks. */
function faultOf(error: unknown, { head, role, identity }: NamedLog): string {
  const { code, message, metadata } = toDtaError(error);
  const which = [role, identity].filter((part) => part !== null).join(' ') || `log with head ${head}`;
  return `FAULT  ${which}: ${code}: ${message} ${JSON.stringify(metadata)}`;
}

async function openStore({ kubo, kuboFile, folder }: VerifyLogOptions): Promise<DocumentStore> {
  if (folder !== undefined) return openFilesystemStore(folder);
  if (kubo !== undefined && /@|%40/i.test(kubo)) {
    const sentence =
      '--kubo takes no user and password, which every user of the machine would see: put the address into a file, --kubo-file';
    throw new DtaError('request_invalid', sentence);
  }
  const url = kubo ?? (await readSecretFile(kuboFile));
  if (url === null) throw new DtaError('request_invalid', 'give the document store: --kubo, --kubo-file or --folder');
  if (!settings.address(/^https?$/).safeParse(url).success) {
    const named = kubo === undefined ? `what ${kuboFile} holds` : '--kubo'; // there may be a password in it
    throw new DtaError('request_invalid', `${named} is no address of this form: http://127.0.0.1:5001`);
  }
  return openKuboStore({ url, timeoutMs: DOCUMENT_STORE_TIMEOUT_MS });
}

/** @param firstOf the first document of an identity's chain: a node may be named by any */
async function namedLogs(
  { url, tokenFile, head, role, node }: VerifyLogOptions,
  firstOf: (identity: Cid) => Promise<Cid>,
): Promise<NamedLogs> {
  const identity = node === undefined ? null : readCid('--node', node);
  if (head !== undefined) return { logs: [{ head: readCid('--head', head), role: role ?? null, identity }], away: [] };
  if (!URL.canParse(url)) throw new DtaError('request_invalid', `${url} is no url: http://localhost:5556 is one`);
  const api = nodeApi(url, await readSecretFile(tokenFile), new AbortController().signal);
  const { heads, outcomes } = await api.heads();
  const isAsked = async (one: { role: Role; nodeCID: Cid }) =>
    (role === undefined || one.role === role) &&
    (identity === null || (await firstOf(one.nodeCID)) === (await firstOf(identity)));
  const logs: NamedLog[] = [];
  for (const one of heads) {
    if (await isAsked(one)) logs.push({ head: one.head?.segment ?? null, role: one.role, identity: one.nodeCID });
  }
  const away: SilentRole[] = [];
  for (const one of outcomes) {
    if (one.code === 'ok') continue;
    const isIt = one.nodeCID === identity || isAsked(one).catch(() => false); // its document may be nowhere yet
    if (await isIt) away.push(one);
  }
  if (logs.length + away.length === 0) throw new DtaError('request_invalid', `${url} has no such role`);
  return { logs, away };
}

function readCid(option: string, text: string): Cid {
  try {
    return parseCid(text);
  } catch (cause) {
    throw new DtaError('request_invalid', `${option} takes the CID of a document`, { cause });
  }
}
