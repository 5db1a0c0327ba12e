import { Controller } from '@nestjs/common';
import { STATUS_TIMEOUT_MS, type Cid, type ResultOf } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { Health, HealthReport } from '@dta/service';
import type { RequestContext } from '../request-context.js';
import { RoleCalls, type RoleAnswer, type RoleLink } from '../role-calls.js';
import { RoleStatuses } from '../role-statuses.js';
import { LiveOpenApi } from './live-openapi.js';
import { Context, Route, Validated, type Answer, type Input } from './route.js';
import { gathered } from './role-answers.js';

/** What the gateway knows of itself. */
export class AboutGateway {
  constructor(
    readonly health: Health,
    readonly isStandalone: boolean,
  ) {}
}

/** What the node is and whether it can work. */
@Controller()
export class NodeController {
  readonly #calls: RoleCalls;
  readonly #about: AboutGateway;
  readonly #openApi: LiveOpenApi;
  readonly #statuses: RoleStatuses;

  constructor(calls: RoleCalls, statuses: RoleStatuses, about: AboutGateway, openApi: LiveOpenApi) {
    this.#calls = calls;
    this.#statuses = statuses;
    this.#openApi = openApi;
    this.#about = about;
  }

  @Route('getStatus')
  async getStatus(
    @Validated('getStatus') _: Input<'getStatus'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'getStatus'>> {
    const answers = await this.#calls.callAll('status', {}, context, STATUS_TIMEOUT_MS);
    const { role, extensionVendor, plugin, plugins } = gathered(answers).results[0];
    return {
      status: 200,
      body: {
        application: 'Milagro Distributed Trust',
        apiVersion: 'v1',
        nodeCID: nodeOf(answers[0]),
        extensionVendor,
        plugin,
        plugins: plugins.map(({ name }) => name),
        nodeType: new Set(this.#calls.links.map(({ role }) => role)).size > 1 ? 'multi' : role,
        timeStamp: Date.now(),
        roles: answers.map(roleStatus),
        warnings: this.#warnings(answers),
      },
    };
  }

  @Route('getLogHead')
  async getLogHead(
    @Validated('getLogHead') { query }: Input<'getLogHead'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'getLogHead'>> {
    const answers = await this.#calls.callAll('log-head', {}, context);
    const asked = answers.filter(({ link }) => query.role === undefined || link.role === query.role);
    if (asked.length === 0) return { status: 200, body: { heads: [], outcomes: [] } };
    const { results, status, outcomes } = gathered(asked);
    return { status, body: { heads: [...results], outcomes } };
  }

  @Route('fulfillOrder')
  fulfillOrder(): never {
    throw movedToNats();
  }

  @Route('fulfillSecret')
  fulfillSecret(): never {
    throw movedToNats();
  }

  @Route('getOpenApi')
  async getOpenApi(): Promise<{ status: 200; body: unknown }> {
    return { status: 200, body: await this.#openApi.document() };
  }

  @Route('getLiveness')
  getLiveness(): Answer<'getLiveness'> {
    return { status: 200, body: { status: 'ok' } };
  }

  @Route('getReadiness')
  async getReadiness(): Promise<Answer<'getReadiness'>> {
    const [own, answers] = await Promise.all([this.#about.health.report(), this.#statuses.asked()]);
    const roles = rolesReadiness(answers);
    const ready = own.ready && roles.ready;
    const parts = { ...own.parts, ...roles.parts };
    const degraded = { ...own.degraded, ...roles.degraded, ...Object.fromEntries(answers.flatMap(degradedOf)) };
    return { status: ready ? 200 : 503, body: { ready, parts, degraded } };
  }

  #warnings(answers: readonly RoleAnswer<'status'>[]): string[] {
    const erases = answers.every(({ outcome }) => outcome.status === 'rejected' || outcome.value.custodyErases);
    return [
      ...(this.#about.isStandalone ? ['All roles run in one process: this protects against no operator.'] : []),
      ...(erases ? [] : ['Software custody: what is erased stays erased only if the key file is in no backup.']),
    ];
  }
}

/** What the node is called: by its main role, also while that is away. */
function nodeOf(main: RoleAnswer<'status'> | undefined): Cid {
  if (main === undefined) throw new DtaError('service_unavailable', 'there is no role behind this gateway');
  return main.outcome.status === 'fulfilled' ? main.outcome.value.nodeCID : main.link.node;
}

function roleStatus({ link: { role, node }, outcome }: RoleAnswer<'status'>) {
  if (outcome.status === 'rejected') {
    return { role, nodeCID: node, name: null, custody: null, custodyErases: null, ready: false };
  }
  const { name, custody, custodyErases, ready } = outcome.value;
  return { role, nodeCID: node, name, custody, custodyErases, ready };
}

function partName({ role, node }: RoleLink): string {
  return role === 'fiduciary' ? `fiduciary ${node}` : role;
}

/**
 * A gateway can do something while a role of its main kind works: its principal; without one its beneficiary; without both
 * any of its fiduciaries (docs/adr/0018). What else is away, and the main role while it is only busy, is degraded.
 */
function rolesReadiness(answers: readonly RoleAnswer<'status'>[]): HealthReport {
  const states = answers.map(({ link, outcome }) => ({ link, name: partName(link), state: partState(outcome) }));
  const main = states.filter(({ link }) => link.role === states[0]?.link.role); // links come in that order
  const ready = main.some(({ state }) => state === 'up' || state === BUSY);
  const isPart = (one: (typeof states)[number]) => one.state === 'up' || (!ready && main.includes(one));
  const named = (some: typeof states) => Object.fromEntries(some.map(({ name, state }) => [name, state]));
  return { ready, parts: named(states.filter(isPart)), degraded: named(states.filter((one) => !isPart(one))) };
}

/** What a role is called that is there and has as much work as it takes. */
const BUSY = 'busy';

function partState(outcome: PromiseSettledResult<ResultOf<'status'>>): string {
  if (outcome.status === 'rejected') {
    const reason: unknown = outcome.reason;
    if (isDtaError(reason, 'busy')) return BUSY;
    return isDtaError(reason, 'clock_skewed') ? `not served: ${reason.message}` : 'away';
  }
  const { ready, parts } = outcome.value;
  const away = Object.entries(parts).filter(([, state]) => state !== 'up');
  return ready ? 'up' : `not ready: ${away.map(([part, state]) => `${part} ${state}`).join(', ')}`;
}

function degradedOf({ link, outcome }: RoleAnswer<'status'>): [string, string][] {
  if (outcome.status === 'rejected') return [];
  return Object.entries(outcome.value.degraded).map(([part, state]) => [`${partName(link)}: ${part}`, state]);
}

function movedToNats(): DtaError {
  return new DtaError('moved_to_nats', 'nodes speak to each other over NATS: see docs/protocol.md, section 5');
}
