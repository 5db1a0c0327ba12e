import { Controller } from '@nestjs/common';
import type { IdentitySummary } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { RequestContext } from '../request-context.js';
import { RoleCalls, type RoleAnswer } from '../role-calls.js';
import { allOf } from './role-answers.js';
import { Context, Route, Validated, type Answer, type Input } from './route.js';

/** The identities that the operator's roles have and act for. */
@Controller()
export class IdentityController {
  readonly #calls: RoleCalls;

  constructor(calls: RoleCalls) {
    this.#calls = calls;
  }

  @Route('listIdentities')
  async listIdentities(
    @Validated('listIdentities') { query }: Input<'listIdentities'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'listIdentities'>> {
    const results = allOf(await this.#calls.callAll('list-identities', { role: query.role ?? null }, context));
    const known = new Map<string, IdentitySummary>();
    for (const identity of results.flatMap(({ identities }) => identities)) {
      const own = identity.own || (known.get(identity.idDocumentCID)?.own ?? false);
      known.set(identity.idDocumentCID, { ...identity, own });
    }
    return { status: 200, body: { identities: [...known.values()] } };
  }

  /** Admitted means by every role: one that doesn't know the identity would refuse it. */
  @Route('getIdentity')
  async getIdentity(
    @Validated('getIdentity') { params }: Input<'getIdentity'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'getIdentity'>> {
    const answers = await this.#calls.callAll('get-identity', params, context);
    const unknown = answers.filter((answer) => isUnknown(answer));
    const views = allOf(unknown.length === answers.length ? answers : answers.filter((answer) => !isUnknown(answer)));
    const [view] = views;
    if (view === undefined) throw new DtaError('identity_not_found', 'no role knows this identity');
    const own = views.some((one) => one.own);
    const admitted = unknown.length === 0 && views.every((one) => one.admitted || one.own);
    return { status: 200, body: { ...view, own, admitted } };
  }

  @Route('admitIdentity')
  async admitIdentity(
    @Validated('admitIdentity') { body }: Input<'admitIdentity'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'admitIdentity'>> {
    const { document = null, idDocumentCID = null } = body;
    const [result] = allOf(await this.#calls.callAll('admit-identity', { document, idDocumentCID }, context));
    if (result === undefined) throw new DtaError('service_unavailable', 'there is no role behind this gateway');
    return { status: 200, body: result };
  }
}

function isUnknown({ outcome }: RoleAnswer<'get-identity'>): boolean {
  return outcome.status === 'rejected' && isDtaError(outcome.reason, 'identity_not_found');
}
