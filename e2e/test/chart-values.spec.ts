import { expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allMade, CHART, defaultValues, EXAMPLES, render, type Values } from '../src/chart.js';

// What the chart refuses: each wrong value by a sentence that names it, before anything reaches a cluster.
jest.setTimeout(300_000);

const fiduciary = (set: Values) => ({
  fiduciaries: [{ name: 'fiduciary-1', existingSecret: 'dta-fiduciary-1', ...set }],
});
const hsm = { kind: 'pkcs11', pkcs11: { image: 'vendor', copy: ['/lib/.'], module: 'libvendor.so', token: 'dta' } };
const shared = { accessMode: 'ReadWriteMany' };

/** What is wrong, the values that say so over those of the standalone example, and what the sentence has. */
const wrong: readonly (readonly [string, Values, RegExp])[] = [
  // by the schema
  [
    'a misspelt value',
    { principal: { enabeld: true } },
    /at '\/principal': additional properties 'enabeld' not allowed/,
  ],
  [
    'a misspelt value of a fiduciary',
    fiduciary({ replica: 2 }),
    /at '\/fiduciaries\/0': additional properties 'replica'/,
  ],
  ['a secret in values', { nats: { password: 'secret' } }, /at '\/nats': additional properties 'password' not allowed/],
  [
    'a password in the address of NATS',
    { nats: { urls: ['nats://user:secret@nats'] } },
    /at '\/nats\/urls\/0': 'not' failed/,
  ],
  [
    'a password in the address of Kubo',
    { kubo: { url: 'http://user:secret@kubo:5001' } },
    /at '\/kubo\/url': 'not' failed/,
  ],
  ["another protocol than NATS's", { nats: { urls: ['http://nats:4222'] } }, /at '\/nats\/urls\/0': .* does not match/],
  ['no replica', { gateway: { replicas: 0 } }, /at '\/gateway\/replicas': minimum: got 0, want 1/],
  ['text for a number', { gateway: { replicas: 'two' } }, /at '\/gateway\/replicas': got string, want integer/],
  ['a port that takes rights', { gateway: { port: 80 } }, /at '\/gateway\/port': minimum: got 80/],
  [
    'a pool beyond what the role takes',
    { role: { database: { pool: 1000 } } },
    /at '\/role\/database\/pool': maximum: got 1,000/,
  ],
  [
    'a level that there is not',
    { role: { logLevel: 'verbose' } },
    /at '\/role\/logLevel': value must be one of 'fatal'/,
  ],
  [
    'a custody that there is not',
    { role: { custody: { kind: 'vault' } } },
    /at '\/role\/custody\/kind': value must be one of 'software'/,
  ],
  [
    'a node that is no CID',
    { identities: { 'trial-principal': { node: 'principal', documents: ['AAAA'] } } },
    /at '\/identities\/trial-principal\/node'/,
  ],
  [
    'a document that is not base64',
    { identities: { 'trial-principal': { documents: ['a file'] } } },
    /at '\/identities\/trial-principal\/documents\/0'/,
  ],
  [
    'a fiduciary without a name',
    { fiduciaries: [{ existingSecret: 'a' }] },
    /at '\/fiduciaries\/0': missing property 'name'/,
  ],
  ['a name that Kubernetes refuses', { fiduciaries: [{ name: 'Fiduciary_1' }] }, /at '\/fiduciaries\/0\/name'/],
  [
    'a grace shorter than the drain',
    { shutdown: { gracePeriodSeconds: 10 } },
    /at '\/shutdown\/gracePeriodSeconds': minimum: got 10, want 35/,
  ],
  ['a peer that is none', { networkPolicy: { nats: { to: [{ host: 'nats' }] } } }, /at '\/networkPolicy\/nats\/to\/0'/],
  [
    'no port of PostgreSQL',
    { networkPolicy: { postgres: { ports: [] } } },
    /at '\/networkPolicy\/postgres\/ports': minItems/,
  ],
  ['no plugin', { role: { plugins: [] } }, /at '\/role\/plugins': minItems/],
  [
    'a module by another path',
    fiduciary({ custody: { pkcs11: { module: '/usr/lib/x.so' } } }),
    /at '\/fiduciaries\/0\/custody\/pkcs11\/module'/,
  ],

  // by templates/_checks.tpl
  [
    'software custody, twice',
    fiduciary({ replicas: 2 }),
    /fiduciaries \(fiduciary-1\)\.replicas is 2 with software custody/,
  ],
  [
    'software custody that scales',
    fiduciary({ autoscaling: { enabled: true } }),
    /fiduciaries \(fiduciary-1\)\.autoscaling\.enabled is true with software custody/,
  ],
  [
    'software custody without a claim',
    fiduciary({ keyFile: { existingSecret: 'key' } }),
    /fiduciaries \(fiduciary-1\)\.keyFile\.existingSecret is given with software custody/,
  ],
  [
    'an HSM without its token',
    fiduciary({ custody: { ...hsm, pkcs11: { ...hsm.pkcs11, token: '' } } }),
    /fiduciaries \(fiduciary-1\)\.custody\.pkcs11\.token is missing/,
  ],
  [
    "an HSM without its module's files",
    fiduciary({ custody: { ...hsm, pkcs11: { ...hsm.pkcs11, copy: [] } } }),
    /fiduciaries \(fiduciary-1\)\.custody\.pkcs11\.copy is empty/,
  ],
  [
    "an HSM's network without a port",
    fiduciary({ custody: { ...hsm, network: { to: [{ ipBlock: { cidr: '10.0.0.1/32' } }] } } }),
    /fiduciaries \(fiduciary-1\)\.custody\.network\.ports is empty/,
  ],
  [
    'replicas on a claim of one machine',
    fiduciary({ custody: hsm, replicas: 2 }),
    /fiduciaries \(fiduciary-1\)\.persistence\.accessMode is ReadWriteOnce/,
  ],
  [
    'a key file in two places',
    fiduciary({ custody: hsm, keyFile: { existingSecret: 'key' }, persistence: { existingClaim: 'claim' } }),
    /fiduciaries \(fiduciary-1\)\.persistence\.existingClaim and keyFile\.existingSecret/,
  ],
  [
    'a provider without a name',
    fiduciary({ custody: { kind: 'provider' } }),
    /fiduciaries \(fiduciary-1\)\.custody\.provider\.name is missing/,
  ],
  [
    'a provider that is to seal the key file',
    fiduciary({ custody: { kind: 'provider', provider: { name: '@x/custody' } } }),
    /fiduciaries \(fiduciary-1\)\.keyFile\.passphrase is false/,
  ],
  [
    'more connections than PostgreSQL takes',
    fiduciary({ custody: hsm, persistence: shared, autoscaling: { enabled: true, maxReplicas: 10 } }),
    /postgres\.maxConnections is 97, but the roles may open 131 connections .*fiduciary-1 11 × 10/,
  ],
  [
    'fewer replicas at most than at least',
    { gateway: { autoscaling: { enabled: true, minReplicas: 9 } } },
    /gateway\.autoscaling\.minReplicas is 9, more than its maxReplicas, 8/,
  ],
  [
    'scaling by a part of nothing',
    { gateway: { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } } },
    /gateway\.autoscaling\.targetCPUUtilizationPercentage is a part of resources\.requests\.cpu/,
  ],
  [
    'scaling by nothing',
    { gateway: { autoscaling: { enabled: true, targetCPUUtilizationPercentage: 0 } } },
    /gateway\.autoscaling\.metrics is empty/,
  ],
  [
    'a budget that blocks drains',
    { gateway: { replicas: 1, disruptionBudget: { minAvailable: 1 } } },
    /gateway\.disruptionBudget\.minAvailable is 1 of 1 replicas: no node .* could be drained/,
  ],
  [
    'a rollout that can not move',
    { gateway: { rollingUpdate: { maxSurge: 0 } } },
    /gateway\.rollingUpdate\.maxSurge and maxUnavailable are both 0/,
  ],
  [
    'two ports that are one',
    { gateway: { metrics: { port: 5556 } } },
    /gateway\.metrics\.port is 5556, and so is gateway\.port/,
  ],
  [
    'more connections of one client than of all',
    { gateway: { connectionsMax: 10 } },
    /gateway\.connectionsPerClient is more than gateway\.connectionsMax/,
  ],
  [
    'a gateway before nothing',
    { principal: { enabled: false }, beneficiary: { enabled: false }, fiduciaries: [] },
    /gateway\.enabled is true, but the operator has no role/,
  ],
  ['a role without its Secret', { principal: { existingSecret: '' } }, /principal\.existingSecret is missing/],
  [
    'one Secret for two roles',
    { beneficiary: { existingSecret: 'dta-principal' } },
    /beneficiary\.\w+ is "dta-principal.*", and so is that of principal: each identity has one of its own/,
  ],
  [
    'one claim for all',
    { role: { persistence: { existingClaim: 'one' } } },
    /beneficiary\.persistence\.existingClaim is "one", and so is that of principal/,
  ],
  [
    'one node for two identities',
    { identities: { 'trial-beneficiary': allMade('standalone').identities['trial-principal'] } },
    /beneficiary\.node is "\w+", and so is that of principal/,
  ],
  [
    "a passphrase for a file that names a token's keys",
    fiduciary({ custody: { ...hsm, pkcs11: { ...hsm.pkcs11, signInToken: true } }, keyFile: { passphrase: true } }),
    /fiduciaries \(fiduciary-1\)\.keyFile\.passphrase is true with custody\.pkcs11\.signInToken/,
  ],
  [
    'DNS everywhere',
    { networkPolicy: { dns: { to: [] } } },
    /networkPolicy\.dns\.to is empty, which would mean everywhere/,
  ],
  [
    'a grace that the pause before the end takes',
    { shutdown: { preStopSeconds: 20 } },
    /shutdown\.gracePeriodSeconds is 40: preStopSeconds, 20, and the 30 s/,
  ],
  [
    'a long name',
    { fullnameOverride: 'payments-trust-authority-1' },
    /"payments-trust-authority-1", has more than 24 characters/,
  ],
  ['no token', { access: { existingSecret: '' } }, /access\.existingSecret is missing/],
  ['no NATS', { nats: { urls: [] } }, /nats\.urls is empty/],
  [
    'a password without a user',
    { nats: { auth: 'password', existingSecret: 'nats' } },
    /nats\.user is missing: nats\.auth is password/,
  ],
  [
    'credentials from nowhere',
    { nats: { auth: 'credentials' } },
    /nats\.existingSecret is missing: nats\.auth is credentials/,
  ],
  [
    'two addresses of Kubo',
    { kubo: { url: 'http://kubo:5001', existingSecret: 'kubo' } },
    /kubo\.url and kubo\.existingSecret are both given/,
  ],
  ['Kubo beyond the policies', { kubo: { url: 'http://kubo:5001' } }, /networkPolicy\.kubo\.to is empty/],
  ['NATS beyond the policies', { networkPolicy: { nats: { to: [] } } }, /networkPolicy\.nats\.to is empty/],
  [
    'a port of NATS that the policies close',
    { nats: { urls: ['nats://nats:4222', 'nats://nats-2:4333'] } },
    /networkPolicy\.nats\.ports is \[4222\], without port 4333 of nats\.urls\[1\], nats:\/\/nats-2:4333/,
  ],
  [
    'a port of NATS that is its own by default, and not of the policies',
    { nats: { urls: ['tls://[2001:db8::5]'] }, networkPolicy: { nats: { ports: [4333] } } },
    /networkPolicy\.nats\.ports is \[4333\], without port 4222 of nats\.urls\[0\]/,
  ],
  [
    'a port of Kubo that the policies close',
    { kubo: { url: 'https://kubo' }, networkPolicy: { kubo: { to: [{ ipBlock: { cidr: '10.0.0.1/32' } }] } } },
    /networkPolicy\.kubo\.ports is \[5001\], without port 443 of kubo\.url/,
  ],
  [
    'helm test beyond the policies',
    { tests: { gatewayUrl: 'https://dta.example' } },
    /networkPolicy\.tests\.to is empty: say where tests\.gatewayUrl is/,
  ],
  [
    'a port of helm test that the policies close',
    {
      tests: { gatewayUrl: 'https://dta.example:8443/dta' },
      networkPolicy: { tests: { to: [{ ipBlock: { cidr: '10.0.0.1/32' } }] } },
    },
    /networkPolicy\.tests\.ports is \[443\], without port 8443 of tests\.gatewayUrl/,
  ],
  [
    'a Job that goes before Helm has seen its end',
    { migrate: { ttlSecondsAfterFinished: 1 } },
    /at '\/migrate\/ttlSecondsAfterFinished': minimum: got 1, want 600/,
  ],
  [
    'clients beyond the policies',
    { networkPolicy: { ingress: { from: [] } } },
    /networkPolicy\.ingress\.from is empty/,
  ],
  [
    'Prometheus beyond the policies',
    { monitoring: { serviceMonitor: { enabled: true } } },
    /networkPolicy\.monitoring\.from is empty/,
  ],
  [
    'two fiduciaries of one name',
    {
      fiduciaries: [
        { name: 'a', existingSecret: 'a' },
        { name: 'a', existingSecret: 'a' },
      ],
    },
    /fiduciaries: two objects would be called "a"/,
  ],
  [
    'a fiduciary called gateway',
    { fiduciaries: [{ name: 'gateway', existingSecret: 'a' }] },
    /fiduciaries: two objects would be called "gateway"/,
  ],
  [
    'one to admit whose documents are not there',
    { principal: { admits: ['gamma-fiduciary'] } },
    /principal\.admits names "gamma-fiduciary"/,
  ],
  [
    'a beneficiary that is not there',
    { principal: { beneficiary: 'gamma-beneficiary' } },
    /principal\.beneficiary names "gamma-beneficiary"/,
  ],
  [
    'a fiduciary that is not there',
    { principal: { fiduciarySet: ['gamma-fiduciary'] } },
    /principal\.fiduciarySet names "gamma-fiduciary"/,
  ],
];

const rendered = async (values: Values) => render('trial', EXAMPLES.standalone, allMade('standalone'), values);

test('the values over which these are laid are taken', async () => {
  expect((await rendered({})).length).toBeGreaterThan(20);
  expect((await rendered(fiduciary({ custody: hsm, persistence: shared, replicas: 2 }))).length).toBeGreaterThan(15);
  const to = [{ ipBlock: { cidr: '10.0.0.1/32' } }];
  const ports = {
    nats: { urls: ['nats://nats', 'tls://[2001:db8::5]', 'tls://nats.example:4333'] },
    kubo: { url: 'http://kubo:5001/api' },
    tests: { gatewayUrl: 'https://dta.example/dta' },
    networkPolicy: { nats: { ports: [4222, 4333] }, kubo: { to }, tests: { to } },
  };
  expect((await rendered(ports)).length).toBeGreaterThan(20);
  const without = { nats: { urls: ['nats://nats:4333'] }, networkPolicy: { enabled: false } };
  expect((await rendered(without)).length).toBeGreaterThan(15);
});

test.each(wrong)('%s is refused, by name', async (_, values, sentence) => {
  await expect(rendered(values)).rejects.toThrow(sentence);
});

test('no refusal shows a password that was in an address', async () => {
  for (const [, values] of wrong.filter(([, set]) => JSON.stringify(set).includes('secret@'))) {
    await expect(rendered(values)).rejects.not.toThrow('secret');
  }
});

test('the schema knows every value, and values.yaml has a line on each', async () => {
  type Schema = {
    $ref?: string;
    properties?: Record<string, Schema>;
    additionalProperties?: unknown;
    $defs?: Record<string, Schema>;
  };
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema; // JSON Schema: Helm reads it
  /** What `#/$defs/name` or `#/$defs/name/properties/value` says. */
  const follow = (at: Schema): Schema => {
    if (at.$ref === undefined) return at;
    const [, , name = '', , value] = at.$ref.split('/');
    const named = schema.$defs?.[name] ?? {};
    return follow(value === undefined ? named : (named.properties?.[value] ?? {}));
  };
  const unknown: string[] = [];
  const open: string[] = [];
  const walk = (at: Schema, value: unknown, path: string) => {
    const { properties, additionalProperties } = follow(at);
    if (properties === undefined) return;
    if (additionalProperties !== false) open.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value)) {
      if (properties[key] === undefined) unknown.push(`${path}.${key}`);
      else walk(properties[key], each, `${path}.${key}`);
    }
  };
  walk(schema, await defaultValues(), '');
  expect([unknown, open]).toEqual([[], []]);

  const lines = readFileSync(join(CHART, 'values.yaml'), 'utf8').split('\n');
  const bare = lines.filter((line, at) => {
    if (!/^\s*[a-zA-Z]+:/.test(line) || /^\s*#/.test(lines[at - 1] ?? '')) return false;
    // what Kubernetes defines, below the value that has the line
    return !/^\s+(requests|limits|cpu|memory|podSelector|matchLabels|k8s-app|kubernetes\.io|grafana_dashboard)\b/.test(
      line,
    );
  });
  expect(bare).toEqual([]);
});
