import { cidToBytes, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Identity } from '@dta/identity';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { admitGiven } from './admit-documents.js';
import { findDocuments } from './find-documents.js';
import { takeIdentities } from './identity-verb.js';
import { InternalInbox } from './internal-inbox.js';
import type { Node } from './node.js';
import { publishedHead } from './publication.js';

/** Injects the role's {@link Node}. */
export const NODE = Symbol('node');

/** What every role answers: its gateway's calls, what peers say of identities, and who asks for the head of its log. */
@Controller()
export class NodeController {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly inbox: InternalInbox,
  ) {}

  /** The CID [36] of the newest segment that the store has, or nothing: public, so nobody has to say who asks. */
  @MessagePattern('peer.head')
  async head(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    if (payload.length > 0) throw new DtaError('document_invalid', 'the question for the head has no content');
    const head = await publishedHead(this.node.database);
    return head === null ? new Uint8Array() : cidToBytes(head.segment);
  }

  @MessagePattern('peer.identity')
  identity(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return takeIdentities(this.node, payload);
  }

  @MessagePattern('internal.log-head')
  logHead(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    const { database, role, ring } = this.node;
    return this.inbox.answer('log-head', subject, payload, async () => ({
      role,
      nodeCID: ring.newest.cid,
      head: await publishedHead(database),
    }));
  }

  @MessagePattern('internal.status', { waiter: true }) // anyone may have it asked: it takes no order's place in work
  status(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    const { ring, role, custody, options, monitor, plugins } = this.node;
    return this.inbox.answer('status', subject, payload, async () => {
      const { ready, parts, degraded } = await monitor.health.report();
      return {
        nodeCID: ring.newest.cid,
        role,
        name: ring.newest.name,
        extensionVendor: options.extensionVendor,
        plugin: plugins.descriptions[0]?.name ?? 'milagro', // as the original calls having none
        plugins: plugins.descriptions.map((plugin) => ({ ...plugin, schemas: { ...plugin.schemas } })),
        custody: custody.kind,
        custodyErases: custody.erasesForCertain,
        ...{ ready, parts: { ...parts }, degraded: { ...degraded } },
      };
    });
  }

  @MessagePattern('internal.list-identities')
  list(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('list-identities', subject, payload, async ({ role }) => ({
      identities: this.node.admission
        .list()
        .filter(({ roles }) => role === null || roles.includes(role))
        .map((identity) => this.#summary(identity)),
    }));
  }

  @MessagePattern('internal.get-identity')
  get(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    const { admission } = this.node;
    return this.inbox.answer('get-identity', subject, payload, async ({ idDocumentCID }) => {
      const admitted = await admission.isAdmitted(idDocumentCID);
      const identity = admission.directory.get(idDocumentCID);
      return {
        ...this.#summary(identity),
        admitted,
        standing: admission.directory.standingOf(idDocumentCID),
        document: identity.bytes,
        prev: identity.prev,
        keys: { sign: identity.keys.sign, kem: identity.keys.kem },
      };
    });
  }

  @MessagePattern('internal.admit-identity')
  admit(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('admit-identity', subject, payload, async ({ documents, idDocumentCID }) => {
      const { admission, store } = this.node;
      const given = documents.length > 0 ? documents : await findDocuments(store, admission, idDocumentCID);
      const cid = await admitGiven(admission, given);
      const { directory } = admission;
      const standing = directory.find(cid) === undefined ? 'not admitted' : directory.standingOf(cid);
      this.node.log.info({ role: this.node.role, identity: cid, standing }, 'identity noted');
      return { idDocumentCID: cid };
    });
  }

  #summary({ cid, name, roles }: Identity): {
    idDocumentCID: Cid;
    name: string;
    roles: Identity['roles'][number][];
    own: boolean;
  } {
    return { idDocumentCID: cid, name, roles: [...roles], own: this.node.admission.isOwn(cid) };
  }
}
