import { type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Identity } from '@dta/identity';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { InternalInbox } from './internal-inbox.js';
import type { Node } from './node.js';

/** Injects the role's {@link Node}. */
export const NODE = Symbol('node');

/** The internal calls that every role answers. */
@Controller()
export class NodeController {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.status')
  status(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    const { ring, role, custody, options, database } = this.node;
    return this.inbox.answer('status', subject, payload, async () => {
      await database.query('SELECT 1');
      return {
        nodeCID: ring.author.identity.cid,
        role,
        name: ring.author.identity.name,
        extensionVendor: options.extensionVendor,
        plugin: 'milagro',
        custody: custody.kind,
        custodyErases: custody.erasesForCertain,
        ready: true,
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
    return this.inbox.answer('admit-identity', subject, payload, async ({ document, idDocumentCID }) => {
      if (document === null) {
        throw new DtaError('identity_not_found', 'no store can find an identity by its CID yet: give the document', {
          metadata: { identity: idDocumentCID },
        });
      }
      const { cid } = await this.node.admission.admit([document]);
      this.node.log.info({ role: this.node.role, identity: cid }, 'identity admitted');
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
