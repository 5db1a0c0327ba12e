import { fields } from '@dta/codec';
import { groupNamed, groupNames } from '@dta/crypto';
import { defineStatement, type StatementOf } from '@dta/identity';
import { z } from 'zod';

const groups = groupNames.map(groupNamed);

/**
 * A point of one of the groups: its size alone. Which group it must be of, the Request says; that it is a point of it, each
 * check of a statement finds by `assertPoint` or by comparing with what it computed.
 */
export const pointSchema = fields.bytes(...groups.map(({ pointBytes }) => pointBytes));
/** A proof of possession: its size alone; `popVerify` of the order's group checks it. */
const pop = fields.bytes(...groups.map(({ popBytes }) => popBytes));
const hash = fields.bytes(32);

/** A list of [index, …] rows whose indices are strictly rising. */
const rising = <T extends z.ZodType>(row: T) =>
  z.array(row).refine(
    (rows) =>
      rows.every((entry, at) => {
        const [before, here] = [rows[at - 1], entry].map((r) => (Array.isArray(r) ? Number(r[0]) : Number(r)));
        return at === 0 || (before !== undefined && here !== undefined && before < here);
      }),
    'indices must be strictly rising',
  );

const mode = z.enum(['new', 'refresh', 'reshare']);

/** What a setup belongs to: an order's enrolment and epoch, and for a renewal what it renews and who agreed. */
const setup = {
  enrolment: fields.cid,
  epoch: fields.counter,
  mode,
  base: hash.nullable(),
  consent: fields.cid.nullable(),
};

/** Rules that each fiduciary checks for itself before it releases. */
const rules = fields.map({
  notBefore: fields.ms.nullable(),
  maxReleases: z.int().positive().nullable(),
  waitSeconds: z.int().positive().nullable(),
});

/** P → B: the terms of an order. Its CID is the order reference. */
export const requestStatement = defineStatement('request', {
  plugin: z.string().min(1).max(64),
  kind: z.literal('key'),
  group: z.enum(groupNames),
  threshold: fields.index,
  fiduciaries: z.array(fields.cid).min(1).max(32),
  single: z.boolean(),
  minDealers: fields.index,
  minThreshold: fields.index,
  beneficiary: fields.cid,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  cancelDelay: fields.ms,
  rules: rules.nullable(),
  realm: z.null(),
  extension: fields.extension,
});

/** B → P: keys made for this order alone. */
export const enrolmentStatement = defineStatement('enrolment', {
  kem: fields.bytes(1216),
  ec: pointSchema,
  pop,
});

/** F_j → P: serves the order, and takes dealer i's share under key i. */
export const acceptanceStatement = defineStatement('acceptance', {
  ...setup,
  keys: rising(z.tuple([fields.index, hash])),
});

/** F_i → P: its points and the hashes of the shares that it dealt. */
export const dealStatement = defineStatement('deal', {
  ...setup,
  acceptances: rising(z.tuple([fields.index, fields.cid])),
  dealer: fields.index,
  points: z.array(pointSchema).min(1).max(32),
  shares: rising(z.tuple([fields.index, hash])),
  pop: pop.nullable(),
});

/** P → members, B: whose deals make the key. */
export const manifestStatement = defineStatement('manifest', {
  ...setup,
  round: fields.counter,
  threshold: fields.index,
  members: rising(z.tuple([fields.index, fields.cid, fields.cid.nullable()])),
  deals: rising(z.tuple([fields.index, fields.cid])),
  excluded: rising(z.tuple([fields.index, z.enum(['no_answer', 'bad_share', 'bad_complaint']), fields.cid.nullable()])),
});

/** F_j → P: x_j is durably stored under this transcript. */
export const confirmationStatement = defineStatement('confirmation', { transcript: hash, vector: hash });

/** F_j → P: opens one share of one accused dealer. */
export const complaintStatement = defineStatement('complaint', {
  manifest: fields.cid,
  dealer: fields.index,
  seed: hash,
});

/** P → members, B: the certified key. */
export const commitmentStatement = defineStatement('commitment', {
  transcript: hash,
  vector: z.array(pointSchema).min(1).max(32),
  commitment: pointSchema,
});

/** P → members, B: release the shares to the beneficiary. */
export const redemptionStatement = defineStatement('redemption', {
  certificate: fields.cid,
  transcript: hash,
  epoch: fields.counter,
  expiresAt: fields.ms,
});

/** F_j → B: the share. Never logged or published. */
export const releaseStatement = defineStatement('release', {
  redemption: fields.cid,
  transcript: hash,
  epoch: fields.counter,
  index: fields.index,
  share: hash,
});

/** F_j → P: that a Release was made, without what it says. */
export const releasedStatement = defineStatement('released', {
  redemption: fields.cid,
  index: fields.index,
  envelope: fields.cid,
});

/** B → P, members: which shares were good. */
export const receiptStatement = defineStatement('receipt', {
  redemption: fields.cid,
  good: rising(fields.index),
  bad: rising(z.tuple([fields.index, fields.cid])),
});

/** P (and B): end the order. */
export const cancellationStatement = defineStatement(
  'cancellation',
  { reason: z.string().max(256) },
  { cosigned: true },
);

/** F_j → B: something that B may object to. */
export const noticeStatement = defineStatement('notice', { statement: fields.cid });

/** B → F_j: the notice was seen. */
export const seenStatement = defineStatement('seen', { notice: fields.cid });

/** B → members, P: objects to a Cancellation or a Redemption. */
export const objectionStatement = defineStatement('objection', { statement: fields.cid });

/** F_j: what is gone. */
export const erasedStatement = defineStatement('erased', {
  transcripts: z.array(hash),
  period: z.int().nonnegative(),
});

/** B: agrees to other members. */
export const consentStatement = defineStatement('consent', {
  base: hash,
  epoch: fields.counter,
  threshold: fields.index,
  minMembers: fields.index,
  fiduciaries: z.array(fields.cid).min(1).max(32),
});

/** The sender's own word before statements by others. */
export const forwardStatement = defineStatement('forward', { statements: z.array(fields.cid).min(1).max(64) });

/** Anyone → P: what earlier documents of its chain signed in this order, and it stands by. */
export const affirmationStatement = defineStatement('affirmation', { statements: z.array(fields.cid).min(1).max(64) });

/** A reply that says no more than: done. */
export const acknowledgedStatement = defineStatement('acknowledged', { statement: fields.cid });

/** Every statement that has a place in an order. */
export const orderStatements = [
  requestStatement,
  enrolmentStatement,
  acceptanceStatement,
  dealStatement,
  manifestStatement,
  confirmationStatement,
  complaintStatement,
  commitmentStatement,
  redemptionStatement,
  releaseStatement,
  releasedStatement,
  receiptStatement,
  cancellationStatement,
  noticeStatement,
  seenStatement,
  objectionStatement,
  erasedStatement,
  consentStatement,
  forwardStatement,
  affirmationStatement,
  acknowledgedStatement,
] as const;

export type OrderStatement = StatementOf<(typeof orderStatements)[number]>;
export type Request = StatementOf<typeof requestStatement>;
export type Enrolment = StatementOf<typeof enrolmentStatement>;
export type Acceptance = StatementOf<typeof acceptanceStatement>;
export type Deal = StatementOf<typeof dealStatement>;
export type Manifest = StatementOf<typeof manifestStatement>;
export type Confirmation = StatementOf<typeof confirmationStatement>;
export type Commitment = StatementOf<typeof commitmentStatement>;
export type Redemption = StatementOf<typeof redemptionStatement>;
export type Release = StatementOf<typeof releaseStatement>;
export type Released = StatementOf<typeof releasedStatement>;
export type Receipt = StatementOf<typeof receiptStatement>;
export type Forward = StatementOf<typeof forwardStatement>;
export type Acknowledged = StatementOf<typeof acknowledgedStatement>;
