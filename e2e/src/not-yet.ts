import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { internalCalls } from '@dta/contracts';
import { routes, type Route } from '@dta/contracts/rest';
import { errorCodes } from '@dta/errors';
import { gatewaySettings } from '@dta/gateway';
import { principalSettings } from '@dta/principal';
import { ROOT } from './pages.js';

/** A passage of a page that says that something isn't there yet. */
export interface NotYet {
  readonly page: string;
  /** Words around the mark, of one line of the page. */
  readonly passage: string;
  /**
   * What the code has of it by now, each in a word: nothing, while the page is right. Or, where no look at the code can tell,
   * the reason.
   */
  readonly has: (() => readonly string[] | Promise<readonly string[]>) | { readonly unprovable: string };
}

const texts = new Map<string, string>();

/** Sources that use a statement of libs/order beyond defining it and passing it on. */
const usersOf =
  (...names: string[]) =>
  (): string[] =>
    sources()
      .filter((file) => !/^libs\/order\/src\/(statements|index)\.ts$/.test(file))
      .filter((file) => names.some((name) => new RegExp(`(?<![\\w'"-])${name}\\b`).test(textOf(file))));

/** Steps of the transition tables that some source takes. */
const steps =
  (...names: string[]) =>
  (): string[] =>
    sources()
      .filter((file) => file !== 'libs/order/src/transitions.ts' && /^(libs\/(order|node)|apps)\//.test(file))
      .filter((file) => names.some((name) => textOf(file).includes(`'${name}'`)));

const renewals = () => [...usersOf('consentStatement')(), ...steps('renew', 'renewal-ends')()];
const cancellation = () => [
  ...usersOf('cancellationStatement', 'noticeStatement', 'seenStatement', 'objectionStatement', 'erasedStatement')(),
  ...steps('cancellation-takes-effect')(),
];
/** Rules are read where they are asked for and shown; nothing that decides knows one of them. */
const rules = () =>
  sources()
    .filter((file) => /^(libs\/(order|node)|apps\/(principal|fiduciary|beneficiary))\//.test(file))
    .filter((file) => file !== 'libs/order/src/statements.ts')
    .filter((file) => /\b(notBefore|maxReleases|waitSeconds)\b/.test(textOf(file)));
const paths = (pattern: RegExp) => () =>
  Object.values<Route>(routes)
    .map(({ path }) => path)
    .filter((path) => pattern.test(path));
const codes = (pattern: RegExp) => () => errorCodes.filter((code) => pattern.test(code));
/** Of Kubo a pinning cluster, of an HSM a choice of slots and sessions. */
const clusters = () => [
  ...['deploy/kubo/cluster', 'deploy/kubo/cluster.sh'].filter((file) => existsSync(join(ROOT, file))),
  ...Object.keys(principalSettings.shape).filter((name) => /SLOT|SESSION|PINNING/.test(name)),
];
/** Fields of a request for a secret by which a client would give a key of its own. */
const clientKeys = () =>
  [routes.redeemOrder.body, routes.answerSecret.body].flatMap((schema) =>
    Object.keys(schema.shape).filter((name) => /key|kem|hpke|recipient/i.test(name)),
  );
const pairing = () => [
  ...['libs/pairing', 'libs/transparency'].filter((folder) => existsSync(join(ROOT, folder))),
  ...paths(/realm|mpin/)(),
];

const theMark = { unprovable: 'says what the mark means' };

/** Every passage of the pages that is marked so, and the rows of protocol.md §9. */
export const notYet: readonly NotYet[] = [
  { page: 'docs/protocol.md', passage: "What the code doesn't do yet is marked **[not yet]**", has: theMark },
  { page: 'docs/architecture.md', passage: "the code doesn't have yet is marked **[not yet]**", has: theMark },
  { page: 'docs/api.md', passage: "What isn't there yet is marked **[not yet]**", has: theMark },

  {
    page: 'docs/api.md',
    passage: '**[not yet**: several tokens, rights, OIDC**]**',
    has: () =>
      Object.keys(gatewaySettings.shape).filter(
        (name) => /TOKEN|OIDC|ISSUER|RIGHTS/.test(name) && name !== 'TOKEN_HASH',
      ),
  },
  {
    page: 'docs/api.md',
    passage:
      '**[Not yet]**: `POST /v1/order/{ref}/cancel`, `/veto`, `/refresh`, `/reshare`; `GET /v1/order/{ref}/log`; of `/v1/log` all but `/head`; `/v1/realms…` and `/v1/mpin/…`;',
    has: paths(/\/(cancel|veto|refresh|reshare)$|^\/v1\/order\/.*\/log|^\/v1\/log(?!\/head$)|^\/v1\/(realms|mpin)/),
  },
  { page: 'docs/architecture.md', passage: '(the last two **[not yet]**)', has: clusters },

  { page: 'docs/protocol.md', passage: "then the gateway doesn't see it either **[not yet]**", has: clientKeys },
  {
    page: 'docs/protocol.md',
    passage: 'by delivery rows of their own **[not yet]**',
    has: usersOf('noticeStatement', 'objectionStatement'),
  },
  {
    page: 'docs/protocol.md',
    passage: 'Renewals, cancellation and a second round are **[not yet]**',
    has: () => [...renewals(), ...cancellation(), ...steps('next-round')()],
  },
  { page: 'docs/protocol.md', passage: 'a quota **[not yet]**', has: codes(/quota/) },
  {
    page: 'docs/protocol.md',
    passage: 'only a Cancellation could end it, which is **[not yet]**',
    has: cancellation,
  },
  {
    page: 'docs/protocol.md',
    passage: 'Until there are Complaints **[not yet]**',
    has: usersOf('complaintStatement'),
  },
  { page: 'docs/protocol.md', passage: 'quotas are **[not yet]**', has: codes(/quota/) },
  { page: 'docs/protocol.md', passage: '**Complaint** **[not yet**: a share', has: usersOf('complaintStatement') },
  {
    page: 'docs/protocol.md',
    passage: 'A Complaint in place of the Confirmation is **[not yet]**',
    has: usersOf('complaintStatement'),
  },
  { page: 'docs/protocol.md', passage: '**Rules** **[not yet**: anything but null', has: rules },
  {
    page: 'docs/protocol.md',
    passage: '**Cancellation** **[not yet**, nor Notice, Seen, Objection, Erased**]**',
    has: cancellation,
  },
  { page: 'docs/protocol.md', passage: 'Refresh, reshare and switch-over are **[not yet]**', has: renewals },
  { page: 'docs/protocol.md', passage: 'rules **[not yet]**: until then P and B together get y', has: rules },

  {
    page: 'docs/protocol.md',
    passage: '| Complaints, `excluded`, a second round, setups with fewer than n dealers |',
    has: () => [...usersOf('complaintStatement')(), ...steps('next-round')()],
  },
  { page: 'docs/protocol.md', passage: '| refresh, reshare, Consent, epochs above 0 |', has: renewals },
  { page: 'docs/protocol.md', passage: '| Rules |', has: rules },
  { page: 'docs/protocol.md', passage: '| Cancellation, Notice, Seen, Objection, Erased |', has: cancellation },
  {
    page: 'docs/protocol.md',
    passage: '| pairing keys, realms, kinds and groups but `key` and `secp256k1` |',
    has: pairing,
  },
  { page: 'docs/protocol.md', passage: "| a client's own HPKE key for the secret |", has: clientKeys },
  {
    page: 'docs/protocol.md',
    passage: '| Affirmations of other messages than the Commitment |',
    has: {
      unprovable: 'it is one function for any statement, and which messages ask for it is in the flow of the driver',
    },
  },
  { page: 'docs/protocol.md', passage: '| quotas |', has: codes(/quota/) },
];

/** What the probes see of things that are there: where one of these is empty, it sees nothing at all. */
export const seen = {
  usersOf: usersOf('releaseStatement')(),
  steps: steps('redeem')(),
  paths: paths(/\/events$/)(),
  codes: codes(/busy/)(),
} as const;

/** The calls that a gateway makes, by the role that takes them, as protocol.md §6 lists them. */
export function callsByRole(): Readonly<Record<'P' | 'B' | 'all', readonly string[]>> {
  const names = Object.keys(internalCalls);
  const of = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return { P: of('principal.'), B: of('beneficiary.'), all: names.filter((name) => !name.includes('.')) };
}

function textOf(file: string): string {
  const text = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
  texts.set(file, text);
  return text;
}

/** All TypeScript sources of libs and apps. */
function sources(): string[] {
  return globSync('{libs,apps}/*/src/**/*.ts', { cwd: ROOT });
}
