import { Controller } from '@nestjs/common';
import type { IdentitySummary, ResultOf } from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import type { RequestContext } from '../request-context.js';
import { RoleCalls } from '../role-calls.js';
import { gathered } from './role-answers.js';
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
    const answers = await this.#calls.callAll('list-identities', { role: query.role ?? null }, context);
    const { results, status, outcomes } = gathered(answers);
    const known = new Map<string, IdentitySummary>();
    for (const identity of results.flatMap(({ identities }) => identities)) {
      const own = identity.own || (known.get(identity.idDocumentCID)?.own ?? false);
      known.set(identity.idDocumentCID, { ...identity, own });
    }
    return { status, body: { identities: [...known.values()], outcomes } };
  }

  /**
   * Admitted means by every role: one that doesn't know the identity would refuse it. Its standing is the worst that one of
   * them knows: a Revocation or a fork that one has seen is evidence, whatever the others lack.
   */
  @Route('getIdentity')
  async getIdentity(
    @Validated('getIdentity') { params }: Input<'getIdentity'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'getIdentity'>> {
    const answers = await this.#calls.callAll('get-identity', params, context);
    const { results, status, outcomes } = gathered(answers, isUnknown);
    const own = results.some((one) => one.own);
    const admitted = results.length === answers.length && results.every((one) => one.admitted || one.own);
    return { status, body: { ...results[0], own, admitted, standing: worst(results), outcomes } };
  }

  @Route('admitIdentity')
  async admitIdentity(
    @Validated('admitIdentity') { body }: Input<'admitIdentity'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'admitIdentity'>> {
    const { document, documents = [], idDocumentCID = null } = body;
    const params = { documents: document === undefined ? documents : [document], idDocumentCID };
    const answers = await this.#calls.callAll('admit-identity', params, context);
    const { results, status, outcomes } = gathered(answers);
    return { status, body: { ...results[0], outcomes } };
  }
}

function worst(results: readonly Pick<ResultOf<'get-identity'>, 'standing'>[]): ResultOf<'get-identity'>['standing'] {
  const said = results.map(({ standing }) => standing);
  return (['revoked', 'frozen'] as const).find((standing) => said.includes(standing)) ?? 'sound';
}

function isUnknown(refusal: unknown): boolean {
  return isDtaError(refusal, 'identity_not_found');
}
