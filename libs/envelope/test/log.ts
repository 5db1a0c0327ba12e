// Logs as an honest role makes them, and as a malicious one would: any segment may say what it likes and still be signed.
import { cidOf, cidToBytes, cidToLink, encodeCanonical, type Cid } from '@dta/codec';
import { randomBytes, sha256 } from '@dta/crypto';
import { sealEnvelope, type ReadBlock } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { statementDigest, type Role } from '@dta/identity';
import { NOW, recipient, type TestNode } from './node.js';

/** A store in which a test puts, alters and loses what it likes. */
export class Blocks {
  readonly #blocks = new Map<Cid, Uint8Array>();
  /** how often it was asked */
  reads = 0;

  put(bytes: Uint8Array): Cid {
    const cid = cidOf(bytes);
    this.#blocks.set(cid, bytes);
    return cid;
  }

  alter(cid: Cid, bytes: Uint8Array): void {
    this.#blocks.set(cid, bytes);
  }

  lose(cid: Cid): void {
    this.#blocks.delete(cid);
  }

  readonly read: ReadBlock = async (cid) => {
    this.reads += 1;
    const bytes = this.#blocks.get(cid);
    if (bytes === undefined) throw new DtaError('block_not_found', 'lost', { metadata: { block: cid } });
    return bytes;
  };
}

/** What a segment says otherwise. */
export interface SegmentDeviations {
  readonly by?: TestNode;
  readonly body?: Record<string, unknown>;
  readonly signature?: (signature: Uint8Array) => Uint8Array;
}

/** A role that publishes into a store. */
export class Publishing {
  readonly segments: Cid[] = [];
  readonly envelopes: Cid[] = [];

  constructor(
    readonly blocks: Blocks,
    readonly node: TestNode,
    readonly peer: TestNode,
    readonly role: Role = 'fiduciary',
  ) {
    blocks.put(node.identity.bytes);
  }

  get head(): Cid {
    const head = this.segments.at(-1);
    if (head === undefined) throw new Error('nothing is published yet');
    return head;
  }

  /** Publishes `count` envelopes in the next segment. */
  async publish(count = 2, deviations: SegmentDeviations = {}): Promise<Cid> {
    const envelopes = [];
    for (let at = 0; at < count; at++) envelopes.push(await this.envelope({}, deviations.by));
    return this.segment(envelopes, deviations);
  }

  async envelope(said: Partial<Parameters<typeof sealEnvelope>[0]> = {}, by = this.node): Promise<Cid> {
    const { bytes } = await sealEnvelope(
      {
        ...{ sender: by.identity, from: this.role, order: null, prev: [], log: true },
        ...{ recipients: [recipient(this.peer)], statements: [randomBytes(20)], now: NOW, ...said },
      },
      by.key,
    );
    const cid = this.blocks.put(bytes);
    this.envelopes.push(cid);
    return cid;
  }

  async segment(envelopes: readonly Cid[], { by = this.node, body, signature }: SegmentDeviations = {}): Promise<Cid> {
    const prev = this.segments.at(-1);
    const said = {
      ...{
        v: 1,
        type: 'segment',
        issuer: cidToBytes(by.identity.cid),
        order: null,
        createdAt: NOW,
        nonce: randomBytes(16),
      },
      ...{ role: this.role, seq: this.segments.length, prev: prev === undefined ? null : cidToBytes(prev) },
      envelopes: envelopes.map(cidToLink),
      ...body,
    };
    const signed = await by.key.sign(statementDigest(sha256(encodeCanonical(said))));
    const decoded = { body: said, signatures: [signature?.(signed) ?? signed] };
    const cid = this.blocks.put(encodeCanonical(decoded));
    this.segments.push(cid);
    return cid;
  }
}
