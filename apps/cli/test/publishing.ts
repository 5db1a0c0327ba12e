import type { Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { openFilesystemStore, type DocumentStore } from '@dta/document-store';
import { sealEnvelope, signSegment, type NewSegment } from '@dta/envelope';
import {
  generateKeys,
  readIdentity,
  softwareSigningKey,
  type Identity,
  type Role,
  type SigningKey,
} from '@dta/identity';
import { CarIndexer } from '@ipld/car/indexer';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A role that publishes into a folder as it likes, with a real key. */
export class PublishingRole {
  readonly segments: Cid[] = [];
  readonly envelopes: Cid[] = [];

  private constructor(
    readonly folder: string,
    readonly role: Role,
    readonly identity: Identity,
    readonly key: SigningKey,
    readonly store: DocumentStore,
  ) {}

  static async open(folder: string, role: Role): Promise<PublishingRole> {
    const { document, signSeed } = await generateKeys({ name: role, roles: [role], now: Date.now() });
    const identity = readIdentity(document);
    const store = await openFilesystemStore(folder);
    await store.put({ root: identity.cid, blocks: [identity] });
    return new PublishingRole(folder, role, identity, softwareSigningKey(signSeed ?? new Uint8Array(32)), store);
  }

  get head(): Cid {
    return this.segments.at(-1) ?? this.identity.cid;
  }

  /** The same role after it forgot all that follows its segment `seq`, as out of an old backup. */
  restored(seq: number): PublishingRole {
    const copy = new PublishingRole(this.folder, this.role, this.identity, this.key, this.store);
    copy.segments.push(...this.segments.slice(0, seq + 1));
    return copy;
  }

  /** Publishes two envelopes in the next segment, which may say something else of itself. */
  async publish(said: Partial<NewSegment> = {}): Promise<void> {
    const envelopes = [await this.#seal(), await this.#seal()];
    this.envelopes.push(...envelopes.map(({ cid }) => cid));
    const segment = await signSegment(
      {
        ...{
          issuer: this.identity.cid,
          role: this.role,
          seq: this.segments.length,
          prev: this.segments.at(-1) ?? null,
        },
        ...{ envelopes: envelopes.map(({ cid }) => cid), now: Date.now(), ...said },
      },
      this.key,
    );
    this.segments.push(segment.cid);
    await this.store.put({ root: segment.cid, blocks: [segment, ...envelopes] });
  }

  #seal(): Promise<{ cid: Cid; bytes: Uint8Array }> {
    const { cid: id, keys } = this.identity;
    const to = this.role === 'fiduciary' ? 'principal' : 'fiduciary';
    return sealEnvelope(
      {
        ...{ sender: this.identity, from: this.role, order: null, prev: [], log: true, now: Date.now() },
        ...{ recipients: [{ id, role: to, kem: keys.kem }], statements: [randomBytes(9)] },
      },
      this.key,
    );
  }

  /** Takes a block out of the store, or what bears its name puts in its place. */
  async damage(cid: Cid, how: 'lost' | 'altered'): Promise<void> {
    const folder = join(this.folder, 'batches');
    for (const name of await readdir(folder)) {
      const archive = await readFile(join(folder, name));
      for await (const block of await CarIndexer.fromBytes(archive)) {
        if (block.cid.toString() !== cid) continue;
        // the last byte of its name, or one of its own
        const place = how === 'lost' ? block.blockOffset - 1 : block.blockOffset + 50;
        archive.writeUInt8(archive.readUInt8(place) ^ 1, place);
        await writeFile(join(folder, name), archive);
        break;
      }
    }
  }
}
