import { cidOf, type Cid } from '@dta/codec';
import { peerSubject } from '@dta/contracts';
import { openKem } from '@dta/crypto';
import { decodeBundle, encodeBundle, openEnvelope, parseEnvelope, sealEnvelope, type NewEnvelope } from '@dta/envelope';
import { parseStatement, signStatement, type Identity, type Role } from '@dta/identity';
import {
  acknowledgedStatement,
  Evidence,
  forwardStatement,
  type OrderStatement,
  type PrincipalOrder,
  type PrincipalVerb,
} from '@dta/order';
import { known, Node as Party, Parties } from '@dta/order/testing';
import { Gate } from '@dta/transport';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cast, Member, RoleRig } from './role-rig.js';

/** A reply before it is sealed; `sealed` changes the envelope. */
export interface PlayedReply {
  readonly by: Member;
  readonly statements: readonly OrderStatement[];
  readonly attachments: readonly Uint8Array[];
  readonly further: readonly Uint8Array[];
  readonly sealed: Partial<NewEnvelope>;
}

const verbs = {
  beneficiary: ['enrol', 'manifest', 'commit', 'redeem'],
  fiduciary: ['accept', 'deal', 'confirm', 'commit', 'release', 'receipt'],
} as const satisfies Partial<Record<Role, readonly PrincipalVerb[]>>;

/** B, F1 and F2 of all orders of a real principal, played by the test: honest, until it says otherwise. */
export class PlayedPeers {
  readonly #cast: Cast;
  readonly #orders = new Map<Cid, Parties>();
  readonly #replies = new Map<string, PlayedReply>();
  /** what a party does to its reply; may throw what it answers instead */
  tamper: (reply: PlayedReply, verb: PrincipalVerb, order: Parties) => Promise<PlayedReply> = async (reply) => reply;
  /** documents before theirs, of parties whose keys have changed */
  readonly earlier: Identity[] = [];
  /** who answers no greeting for as long as it is here */
  readonly away = new Set<Cid>();
  /** what is sent in the place of the sealed bytes */
  garble: (bytes: Uint8Array, verb: PrincipalVerb, by: Member, order: Parties) => Uint8Array = (bytes) => bytes;

  private constructor(cast: Cast) {
    this.#cast = cast;
  }

  static async serve(rig: RoleRig, cast: Cast): Promise<PlayedPeers> {
    const peers = new PlayedPeers(cast);
    const gate = new Gate({ inWork: 2_000 });
    for (const [member, role] of [
      [cast.b, 'beneficiary'],
      [cast.f1, 'fiduciary'],
      [cast.f2, 'fiduciary'],
    ] as const) {
      const serve = (verb: string, answer: (payload: Uint8Array) => Promise<Uint8Array>) =>
        rig.transport.serve(peerSubject(member.identity.cid, role, verb), { group: 'played', gate }, ({ payload }) =>
          answer(payload),
        );
      for (const verb of verbs[role]) await serve(verb, (payload) => peers.#answer(member, role, verb, payload));
      await serve('identity', (payload) => peers.#acknowledge(member, role, payload));
    }
    return peers;
  }

  /** The parties of an order, once its Request has come. */
  order(ref: Cid): Parties {
    return known(this.#orders.get(ref));
  }

  /** What it says when it is told who somebody is. */
  async #acknowledge({ identity, key, generation }: Member, role: Role, payload: Uint8Array): Promise<Uint8Array> {
    while (this.away.has(identity.cid)) await delay(20);
    const [bytes = new Uint8Array()] = decodeBundle(payload).envelopes;
    const opener = { id: identity.cid, role, keyHash: identity.keys.kemHash, key: await openKem(generation.kemSeed) };
    const [first = new Uint8Array()] = await openEnvelope(parseEnvelope(bytes), [opener]);
    const { cid: statement } = parseStatement([forwardStatement], first);
    const about = { order: null, createdAt: Date.now() };
    const said = await signStatement(acknowledgedStatement, { issuer: identity.cid, statement, ...about }, [key]);
    const { p } = this.#cast;
    const sealed = await sealEnvelope(
      {
        ...{ sender: identity, from: role, order: null, prev: [cidOf(bytes)], log: false, now: Date.now() },
        recipients: [{ id: p.identity.cid, role: 'principal', kem: p.identity.keys.kem }],
        statements: [said.bytes],
      },
      key,
    );
    return encodeBundle({ envelopes: [sealed.bytes], attachments: [], identities: [identity.bytes] });
  }

  async #answer(member: Member, role: Role, verb: PrincipalVerb, payload: Uint8Array): Promise<Uint8Array> {
    const bundle = decodeBundle(payload);
    const [bytes = new Uint8Array(), ...further] = bundle.envelopes;
    const ref = known(parseEnvelope(bytes).header.order);
    const name = `${member.identity.cid} ${verb} ${cidOf(bytes)}`;
    const parties = this.#orders.get(ref) ?? this.#newOrder(ref);
    const reply =
      this.#replies.get(name) ?? (await this.#step(member, role, verb, parties, bytes, bundle.attachments, further));
    this.#replies.set(name, reply);
    const sent = await this.tamper(reply, verb, parties);
    const { p } = this.#cast;
    const sealed = await sealEnvelope(
      {
        sender: sent.by.identity,
        from: role,
        order: ref,
        prev: [cidOf(bytes)],
        log: true,
        recipients: [{ id: p.identity.cid, role: 'principal', kem: p.identity.keys.kem }],
        statements: sent.statements.map((statement) => statement.bytes),
        now: Date.now(),
        ...sent.sealed,
      },
      sent.by.key,
    );
    const answer = encodeBundle({
      envelopes: [sealed.bytes, ...sent.further],
      attachments: [...sent.attachments],
      identities: [sent.by.identity.bytes],
    });
    return this.garble(answer, verb, member, parties);
  }

  async #step(
    member: Member,
    role: Role,
    verb: PrincipalVerb,
    parties: Parties,
    envelope: Uint8Array,
    attachments: readonly Uint8Array[],
    further: readonly Uint8Array[],
  ): Promise<PlayedReply> {
    const { cid: id, keys } = member.identity;
    const key = await openKem(member.generation.kemSeed);
    const opened = await openEnvelope(parseEnvelope(envelope), [{ id, role, keyHash: keys.kemHash, key }]);
    parties.now = Date.now();
    parties.releases = [...further];
    const { statements } = Evidence.read(parties.order.ref, opened, parties.verifier);
    const outcome = await parties.send({ addressee: { party: id, role, verb, attachments }, statements, attachments });
    return {
      by: member,
      statements: outcome.reply,
      attachments: outcome.attachments,
      further: outcome.envelopes,
      sealed: {},
    };
  }

  #newOrder(ref: Cid): Parties {
    const { p, b, f1, f2 } = this.#cast;
    const parties = new Parties(p, new Party(b), [new Party(f1), new Party(f2)], this.earlier);
    parties.order = { ref } as PrincipalOrder; // a peer knows no more of it
    this.#orders.set(ref, parties);
    return parties;
  }
}
