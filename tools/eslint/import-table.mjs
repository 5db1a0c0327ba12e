// Who may import whom: the table of docs/architecture.md. A project may import those named here and no other.

const pure = ['errors', 'codec', 'crypto', 'identity', 'envelope', 'order'];
const libs = [
  ...pure,
  ...['pairing', 'transparency', 'contracts', 'internal-call', 'plugin', 'custody', 'document-store'],
  ...['transport', 'postgres', 'service'],
];
/** Packages as a third party would write them, by their tag: `layer:plugin` in plugins/, `layer:example` in examples/. */
export const thirdPartyTable = { plugin: ['plugin'], example: ['plugin', 'custody', 'errors'] };
const roles = ['principal', 'fiduciary', 'beneficiary'];

/** By folder name, from top to bottom as in the page; `testkit` and `e2e`, tests and tools import what they like. */
export const importTable = {
  errors: [],
  codec: ['errors'],
  crypto: ['errors'],
  identity: ['errors', 'codec', 'crypto'],
  envelope: ['errors', 'codec', 'crypto', 'identity'],
  order: ['errors', 'codec', 'crypto', 'identity', 'envelope'],
  pairing: pure,
  transparency: pure,
  contracts: ['errors', 'codec'],
  'internal-call': ['errors', 'codec', 'crypto', 'contracts'],
  plugin: ['errors'],
  custody: ['errors', 'codec', 'crypto', 'identity'],
  'document-store': ['errors', 'codec', 'crypto', 'identity'],
  transport: ['errors'],
  postgres: ['errors'],
  service: ['errors'],
  node: libs,
  client: [],

  principal: [...libs, 'node'],
  fiduciary: [...libs, 'node'],
  beneficiary: [...libs, 'node'],
  gateway: ['errors', 'contracts', 'internal-call', 'transport', 'service'],
  cli: [...libs, 'node', 'client'],
  standalone: [...libs, 'node', 'client', ...roles, 'gateway'],
};

const apps = [...roles, 'gateway', 'cli', 'standalone'];

/** A project's own tag, as its package.json says it. */
export const tagOf = (name) => (apps.includes(name) ? `app:${name}` : `lib:${name}`);

/** Pure libs, tagged `layer:pure`, know neither frameworks nor services; nor these parts of Node. */
export const bannedPackages = ['@nestjs/*', 'typeorm', 'nats', 'pg'];
export const bannedBuiltins = [
  'fs',
  'child_process',
  'net',
  'tls',
  'http',
  'http2',
  'https',
  'dgram',
  'worker_threads',
];
