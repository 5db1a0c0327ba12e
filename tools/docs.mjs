// What the code says of itself, written into the documents: openapi.json, routes, error codes, settings, metrics; and the chart's
// copies of alerts and dashboard.
//   node tools/docs.mjs write [checkout]   brings the documents up to date
//   node tools/docs.mjs check [checkout]   names those that are stale, and fails
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTypes, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { openApiDocument, routes, statusOf } from '../libs/contracts/dist/src/rest/index.js';
import { errorCodes } from '../libs/errors/dist/src/index.js';
import { createRoleGauges, createRoleMetrics } from '../libs/node/dist/src/index.js';
import { createMonitor, describeConfig } from '../libs/service/dist/src/index.js';
import { beneficiarySettings } from '../apps/beneficiary/dist/src/index.js';
import { fiduciarySettings } from '../apps/fiduciary/dist/src/index.js';
import { createGatewayMetrics, gatewaySettings } from '../apps/gateway/dist/src/index.js';
import { migrateSettings } from '../apps/cli/dist/src/config.js';
import { createDriverGauges, principalSettings } from '../apps/principal/dist/src/index.js';
import { failWith, root } from './process.mjs';

const [mode, checkout = root] = process.argv.slice(2);

/** Each generated document by its path: its text, made of the one before. */
const documents = {
  'libs/client/src/openapi.ts': async () =>
    format(await typesOfApi(), { ...(await resolveConfig(import.meta.filename)), parser: 'typescript' }),
  'docs/openapi.json': () => format(JSON.stringify(openApiDocument()), { parser: 'json', printWidth: 120 }),
  'docs/api.md': (before) => between(between(before, 'routes', routesTable()), 'error-codes', errorTable(before)),
  'docs/configuration.md': (before) =>
    Object.entries({
      principal: principalSettings,
      fiduciary: fiduciarySettings,
      beneficiary: beneficiarySettings,
      gateway: gatewaySettings,
      migrate: migrateSettings,
    }).reduce((text, [name, schema]) => between(text, name, settingsTable(schema)), before),
  'docs/operations.md': (before) => {
    const all = metricsByOwner();
    const rules = readFileSync(join(root, 'deploy/prometheus/rules.yaml'), 'utf8');
    const after = Object.entries(all).reduce(
      (text, [owner, list]) => between(text, `metrics-${owner}`, metricsTable(list)),
      between(before, 'alerts', alertsTable(rules)),
    );
    assertKnown('operations.md', after, Object.values(all).flat());
    assertKnown('rules.yaml', rules, Object.values(all).flat());
    return after;
  },
  // Helm reads only what is under the chart
  'k8s/dta/files/rules.yaml': () => readFileSync(join(root, 'deploy/prometheus/rules.yaml'), 'utf8'),
  'k8s/dta/files/dashboard.json': () => readFileSync(join(root, 'deploy/grafana/dashboard.json'), 'utf8'),
};

const stale = [];
for (const [name, make] of Object.entries(documents)) {
  const before = readIfThere(join(checkout, name));
  const after = await make(before);
  if (after === before) continue;
  stale.push(name);
  if (mode === 'write') writeFileSync(join(checkout, name), after);
}
if (mode === 'write') console.log(stale.length === 0 ? 'nothing to write' : `wrote ${stale.join(', ')}`);
else if (mode !== 'check') failWith('usage: node tools/docs.mjs write|check [checkout]');
else if (stale.length > 0) failWith(`stale: ${stale.join(', ')}; npm run docs writes them`);

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** `text` with what stands between the two markers of `name` replaced. */
function between(text, name, content) {
  const found = new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)[^]*?(<!-- /${name} -->)`);
  if (!found.test(text)) failWith(`there is no place for ${name}`);
  return text.replace(found, (_, begin, end) => `${begin}${content}${end}`);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return `${line(head)}|${head.map(() => '---|').join('')}\n${rows.map(line).join('')}`;
}

function routesTable() {
  const rows = Object.values(routes).map(({ method, path, summary, isPublic, answers, calls }) => [
    `\`${method.toUpperCase()} ${path}\``,
    summary,
    Object.keys(answers).join(', ') || '410',
    calls.map((call) => `\`${call}\``).join(', ') || '–',
    isPublic ? 'no' : 'yes',
  ]);
  return table(['route', 'what it does', 'answers', 'internal calls', 'token'], rows);
}

/** Codes and statuses are the code's, meanings those that stand there; a code without one stops the writing. */
function errorTable(before) {
  const meanings = new Map(
    [...before.matchAll(/^\| `(\w+)` \| \d+ \| (.+) \|$/gm)].map(([, code, text]) => [code, text]),
  );
  const silent = errorCodes.filter((code) => !meanings.has(code));
  if (silent.length > 0) failWith(`api.md has no meaning for ${silent.join(', ')}: add a row for each by hand`);
  return table(
    ['code', 'status', 'meaning'],
    errorCodes.map((code) => [`\`${code}\``, String(statusOf[code]), meanings.get(code)]),
  );
}

function settingsTable(schema) {
  return table(
    ['setting', 'meaning', 'default'],
    describeConfig(schema).map((setting) => [
      `\`${setting.name}\`${setting.secret ? ' 🔒' : ''}`,
      setting.meaning,
      setting.required ? '**required**' : setting.default ? `\`${setting.default}\`` : '–',
    ]),
  );
}

/** The types of the REST API, from its OpenAPI document, for libs/client. */
async function typesOfApi() {
  const types = astToString(await openapiTypes(openApiDocument(), { defaultNonNullable: false }));
  return `// Made of docs/openapi.json by \`npm run docs\`; a test says when it is stale.\n${types}`;
}

/** The metrics of every process, of a role and of a gateway, as their makers name them; nothing is measured here. */
function metricsByOwner() {
  const made = (make) => {
    const registry = new Registry();
    make(registry);
    return registry.getMetricsAsArray();
  };
  const role = made((registry) => {
    createRoleMetrics(registry);
    const database = { query: () => Promise.reject(new Error('there is none here')) };
    createRoleGauges(registry, { role: 'principal', database, admission: { lines: () => [] } });
  });
  return {
    every: createMonitor('any').registry.getMetricsAsArray(),
    role,
    principal: made(createDriverGauges),
    gateway: made(createGatewayMetrics),
  };
}

function metricsTable(metrics) {
  return table(
    ['metric', 'type', 'labels', 'meaning'],
    metrics.map(({ name, type, labelNames, help }) => [
      `\`${name}\``,
      type ?? 'histogram',
      labelNames
        .filter((label) => label !== 'le')
        .map((label) => `\`${label}\``)
        .join(', ') || '–',
      help,
    ]),
  );
}

function alertsTable(rules) {
  const alerts = parse(rules).groups.flatMap(({ rules }) => rules);
  return table(
    ['alert', 'severity', 'for', 'what it means, and what to do'],
    alerts.map(({ alert, for: time = '–', labels, annotations: { description, runbook } }) => [
      `[\`${alert}\`](${runbook.replace('docs/operations.md', '')})`,
      labels.severity,
      time,
      description,
    ]),
  );
}

/** An alert on a metric that isn't there never fires. */
function assertKnown(file, text, metrics) {
  const names = new Set(metrics.map(({ name }) => name));
  for (const [name] of text.matchAll(/\bdta_\w+/g)) {
    if (!names.has(name.replace(/_(bucket|count|sum)$/, ''))) failWith(`${file} names ${name}, which nothing measures`);
  }
}
