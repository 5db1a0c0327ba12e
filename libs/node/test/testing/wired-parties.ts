import { cidOf, type Cid } from '@dta/codec';
import { openKem } from '@dta/crypto';
import {
  decodeBundle,
  encodeBundle,
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
  type Bundle,
  type NewEnvelope,
} from '@dta/envelope';
import type { Author, OrderStatement } from '@dta/order';
import { known, Node as Party, Parties, type Sent } from '@dta/order/testing';
import type { Cast, Member, RoleRig } from './role-rig.js';

/** What changes about a message on its way: who seals it, and how. */
export interface Changed extends Partial<Omit<NewEnvelope, 'sender' | 'statements'>> {
  readonly by?: Member;
  /** further envelopes */
  readonly further?: readonly Uint8Array[];
  readonly identities?: readonly Uint8Array[];
}

/** Parties of an order of which some are real roles, reached over a transport; the others are the test's. */
export class WiredParties extends Parties {
  readonly #rig: RoleRig;
  readonly #wired = new Set<Cid>();
  readonly #packed = new WeakMap<Sent, Uint8Array>();
  readonly members: readonly Member[];

  constructor(rig: RoleRig, { p, b, f1, f2 }: Cast) {
    super(p, new Party(b), [new Party(f1), new Party(f2)]);
    this.#rig = rig;
    this.members = [p, b, f1, f2];
    this.now = Date.now();
  }

  /** From now on messages to this party go over the transport. */
  wire(...parties: readonly Author[]): this {
    for (const { identity } of parties) this.#wired.add(identity.cid);
    return this;
  }

  override async send(message: Sent) {
    this.now = Date.now();
    return this.#wired.has(message.addressee.party) ? this.ask(message) : super.send(message);
  }

  override async ask(message: Sent) {
    if (!this.#wired.has(message.addressee.party)) return super.ask(message);
    const payload = await this.pack(message);
    const { evidence, envelopes, attachments } = await this.open(message, payload, await this.post(message, payload));
    return { reply: evidence, envelopes, attachments };
  }

  /** Posts a bundle to a message's addressee. */
  post({ addressee }: Sent, payload: Uint8Array): Promise<Uint8Array> {
    return this.#rig.request(addressee.party, addressee.role, addressee.verb, payload);
  }

  /** Posts a changed message to its addressee. */
  async offer(message: Sent, changed: Changed): Promise<Uint8Array> {
    return this.post(message, await this.seal(message, changed));
  }

  /** The bundle of a message: the same bytes however often it is asked for. */
  async pack(message: Sent): Promise<Uint8Array> {
    const packed = this.#packed.get(message) ?? (await this.seal(message));
    this.#packed.set(message, packed);
    return packed;
  }

  /** A bundle of a message, in an envelope of its own. */
  async seal(message: Sent, changed: Changed = {}): Promise<Uint8Array> {
    const { addressee, statements, attachments } = message;
    const {
      by = this.principal,
      further = addressee.verb === 'redeem' ? this.releases : [],
      identities,
      ...said
    } = changed;
    const { cid: id, keys } = this.directory.get(addressee.party);
    const { bytes } = await sealEnvelope(
      {
        sender: by.identity,
        from: 'principal',
        order: this.order.ref,
        prev: [],
        log: true,
        recipients: [{ id, role: addressee.role, kem: keys.kem }],
        statements: statements.map((statement) => statement.bytes),
        now: Date.now(),
        ...said,
      },
      by.key,
    );
    return encodeBundle({
      envelopes: [bytes, ...further],
      attachments: [...attachments],
      identities: [...(identities ?? this.identities.map((identity) => identity.bytes))],
    });
  }

  /** What a reply says to the principal. */
  async open(
    { addressee }: Sent,
    request: Uint8Array,
    reply: Uint8Array,
  ): Promise<{ evidence: readonly OrderStatement[]; envelopes: Uint8Array[]; attachments: Uint8Array[] }> {
    const { envelopes, attachments }: Bundle = decodeBundle(reply);
    const [bytes = new Uint8Array(), ...further] = envelopes;
    const envelope = parseEnvelope(bytes);
    const [first = new Uint8Array()] = decodeBundle(request).envelopes;
    const { header } = envelope;
    if (header.prev[0] !== cidOf(first) || header.sender !== addressee.party) throw new Error('not the reply to this');
    const { identity, generation } = this.#memberOf(this.principal);
    const key = await openKem(generation.kemSeed);
    const opener = { id: identity.cid, role: 'principal', keyHash: identity.keys.kemHash, key } as const;
    const { statements } = this.read(await openEnvelope(envelope, [opener]));
    return { evidence: statements, envelopes: further, attachments };
  }

  #memberOf({ identity }: Author): Member {
    return known(this.members.find((other) => other.identity.cid === identity.cid));
  }
}
