import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { errorCodes } from '@dta/errors';
import {
  fetchPrometheus,
  startCluster,
  startPrometheus,
  type Cluster,
  type Operator,
  type Prometheus,
} from '@dta/testkit';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { shutOut } from '../src/databases.js';
import { begin, place, redeem } from '../src/orders.js';
import { ROOT } from '../src/pages.js';
import {
  chosen,
  compared,
  exportedBy,
  namedIn,
  PROMETHEUS,
  readAlerts,
  readDashboard,
  type Alert,
  type Dashboard,
} from '../src/monitoring.js';
import { prometheusApi, type FiringAlert, type PrometheusApi } from '../src/prometheus-api.js';

// deploy/prometheus in a real Prometheus that scrapes a cluster, and what deploy/grafana asks of it.
jest.setTimeout(300_000);

const run = promisify(execFile);

/** Alerts and panels that are silent while all is well: of them names and labels are looked at, and what follows trouble. */
const silentWhileWell = new Set([
  ...['DtaNotScraped', 'DtaStoreAway', 'DtaClockInDoubt', 'DtaPeerSilent', 'DtaPeerSilentForADay'],
  ...['DtaOwnErrors', 'DtaTooMuchWork', 'DtaCustodyFails', 'DtaClientsSeeErrors'],
  ...['Oldest delivery', 'Deliveries owed', "Peers' messages refused", 'Operations refused'],
]);
/** Values of labels that a role exports in trouble alone. */
const inTrouble: Readonly<Record<string, readonly string[]>> = {
  code: errorCodes,
  part: ['clock', 'kubo', 'filesystem'],
  verb: ['affirm'],
};

let folder: string;
let cluster: Cluster;
let operator: Operator;
let prometheus: Prometheus;
let api: PrometheusApi;
let alerts: readonly Alert[];
let dashboard: Dashboard;
let promtool: string;
/** What is asked of Prometheus, by the name of the alert or the title of the panel. */
let expressions: readonly (readonly [name: string, expr: string])[];

beforeAll(async () => {
  [alerts, dashboard, { promtool }] = await Promise.all([readAlerts(), readDashboard(), fetchPrometheus()]);
  const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, chosen(expr)] as const),
  );
  expressions = [...alerts.map(({ alert, expr }) => [alert, compared(expr)] as const), ...panels];
  cluster = await startCluster({ operators: [{ name: 'first', fiduciaries: 2 }] });
  operator = cluster.operator('first');
  folder = await mkdtemp(join(tmpdir(), 'dta-monitoring-'));
  prometheus = await startPrometheus(await writeConfiguration());
  api = prometheusApi(prometheus.url);
});

afterAll(async () => {
  await prometheus?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The sample configuration beside the rules, and the same alerts once more, at once: `Soon…`. Gives the file. */
async function writeConfiguration(): Promise<string> {
  await cp(PROMETHEUS, folder, { recursive: true });
  const soon = alerts.map(({ alert, for: _, ...rest }) => ({ ...rest, alert: `Soon${alert}` }));
  await writeFile(join(folder, 'soon.yaml'), stringify({ groups: [{ name: 'soon', rules: soon }] }));
  const file = join(folder, 'prometheus.yaml');
  const sample = parse(await readFile(file, 'utf8')) as { scrape_configs: { job_name: string }[] }; // a test below checks it
  const targets = cluster.processes.map((process) => new URL(process.metricsUrl() ?? 'http://it.shows.nothing').host);
  const configuration = {
    ...sample,
    global: { scrape_interval: '3s', scrape_timeout: '3s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml', 'soon.yaml'],
    scrape_configs: sample.scrape_configs.map(({ job_name }) => ({ job_name, static_configs: [{ targets }] })),
  };
  await writeFile(file, stringify(configuration));
  return file;
}

async function eventually<T>(found: () => Promise<T | undefined>): Promise<T> {
  for (const limit = Date.now() + 90_000; ; await delay(200)) {
    const what = await found();
    if (what !== undefined) return what;
    if (Date.now() > limit) throw new Error('it did not come about');
  }
}

/** The alerts of that name and those labels that fire, looked at without their `for`. */
async function firing(name: string, labels: Readonly<Record<string, string>>): Promise<readonly FiringAlert[]> {
  const rule = (await api.rules()).find((each) => each.name === `Soon${name}`);
  return (rule?.alerts ?? []).filter(
    (alert) =>
      alert.state === 'firing' && Object.entries(labels).every(([label, value]) => alert.labels[label] === value),
  );
}

/** Settles when it fires; its annotations are filled in. */
async function fires(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const found = await eventually(async () => (await firing(name, labels))[0]);
  expect(found.annotations['summary']).not.toMatch(/\{\{|no value|error/i);
  for (const value of Object.values(labels)) expect(found.annotations['summary']).toContain(value);
}

/** Names of those alerts and panels that have no series now. */
async function silent(): Promise<readonly string[]> {
  const without: string[] = [];
  for (const [name, expr] of expressions) if ((await api.query(expr)).length === 0) without.push(name);
  return [...new Set(without)];
}

describe('deploy/prometheus', () => {
  test('is a configuration that promtool takes', async () => {
    await run(promtool, ['check', 'config', join(PROMETHEUS, 'prometheus.yaml')]);
  });

  test('has alerts that fire when they should, and not when they should not', async () => {
    const { stdout } = await run(promtool, ['test', 'rules', 'rules.test.yaml'], { cwd: PROMETHEUS });
    expect(stdout).toContain('SUCCESS');
  });

  test('tests each alert, both ways', async () => {
    const text = await readFile(join(PROMETHEUS, 'rules.test.yaml'), 'utf8');
    const { tests } = parse(text) as { tests: { promql_expr_test: { expr: string; exp_samples: unknown[] }[] }[] }; // promtool took it
    const cases = tests.flatMap((each) => each.promql_expr_test);
    for (const { alert } of alerts) {
      const counts = cases.flatMap(({ expr, exp_samples: { length } }) =>
        expr.startsWith(`ALERTS{alertname="${alert}"`) ? [length] : [],
      );
      expect([alert, counts.some((count) => count > 0), counts.includes(0)]).toEqual([alert, true, true]);
    }
  });

  test('says of each alert how urgent it is, what to do, and where it is written', async () => {
    const page = await readFile(join(ROOT, 'docs/operations.md'), 'utf8');
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, ['page', 'ticket'].includes(labels['severity'] ?? '')]).toEqual([alert, true]);
      expect([alert, Object.keys(annotations)]).toEqual([alert, ['summary', 'description', 'runbook']]);
      const [file, anchor = ''] = annotations['runbook']?.split('#') ?? [];
      expect([alert, file, anchors.includes(anchor)]).toEqual([alert, 'docs/operations.md', true]);
    }
  });
});

describe('a Prometheus that scrapes a cluster', () => {
  beforeAll(async () => {
    const { orderReference } = await place(operator.api());
    await redeem(operator.api(), orderReference);
    const { status } = await operator.api().get(`/v1/order/${operator.member('principal').idDocumentCID}`); // of no order
    expect(status).toBe(404);
  });

  test('finds every process up, and every rule sound', async () => {
    await eventually(
      async () => (await api.query('up{job="dta"} == 1')).length === cluster.processes.length || undefined,
    );
    const rules = await eventually(async () => {
      const all = await api.rules();
      return all.every(({ health }) => health !== 'unknown') ? all : undefined;
    });
    expect(rules).toHaveLength(2 * alerts.length);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  test('has a series for every alert and every panel, but for those that only trouble gives one', async () => {
    const names = new Set(expressions.map(([name]) => name));
    expect([...silentWhileWell].filter((name) => !names.has(name))).toEqual([]);
    const unexpected = async () => (await silent()).filter((name) => !silentWhileWell.has(name));
    await eventually(async () => (await unexpected()).length === 0 || undefined).catch(() => undefined);
    expect(await unexpected()).toEqual([]);
  });

  test('tells of a database that is away from a role, until it is back', async () => {
    const { databaseUrl, idDocumentCID: node } = operator.member('beneficiary');
    const labels = { part: 'postgres', role: 'beneficiary', node };
    expect(await firing('DtaPartAway', labels)).toEqual([]);
    const letIn = await shutOut(databaseUrl, operator.member('principal').databaseUrl);
    try {
      await fires('DtaPartAway', labels);
    } finally {
      await letIn();
    }
    await eventually(async () => (await firing('DtaPartAway', labels)).length === 0 || undefined);
  });

  test('tells of a fiduciary that is killed, and of the order that waits for it', async () => {
    const [process] = operator.member('fiduciary-2').processes;
    const instance = new URL(process?.metricsUrl() ?? '').host;
    expect(await firing('DtaProcessGone', { instance })).toEqual([]);
    await process?.kill9();
    await fires('DtaProcessGone', { instance });
    await begin(operator.api());
    const afterwards = ['DtaPeerSilent', 'Oldest delivery', 'Deliveries owed'];
    await eventually(async () => {
      const without = await silent();
      return afterwards.every((name) => !without.includes(name)) || undefined;
    });
  });

  test('tells of the errors that clients see when the principal is gone', async () => {
    expect(await firing('DtaClientsSeeErrors', {})).toEqual([]);
    for (const process of operator.member('principal').processes) await process.kill9();
    await eventually(async () => {
      expect((await operator.api().get('/v1/order')).status).toBeGreaterThanOrEqual(500);
      return (await firing('DtaClientsSeeErrors', {}))[0];
    });
  });

  test('has by then had every metric, label and value that an alert, a panel or a variable names', async () => {
    const exported = exportedBy(await api.seriesOf('dta'));
    const valuesOf = (label: string) => new Set([...exported.values()].flatMap((of) => [...(of.get(label) ?? [])]));
    const variables = dashboard.templating.list.flatMap(({ name, query }) => {
      const text = typeof query === 'string' ? query : (query as { query: string }).query; // of a datasource, of Prometheus
      const [, expr, label] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
      return expr === undefined ? [] : ([[name, chosen(`count by (${label}) (${expr})`)]] as const);
    });
    expect(variables).toHaveLength(2);
    const unknown: string[] = [];
    for (const [name, expr] of [...expressions, ...variables]) {
      const { metrics, matched, grouped } = namedIn(expr);
      const own = metrics.filter((metric) => metric !== 'ALERTS'); // Prometheus's
      expect([name, metrics.length > 0]).toEqual([name, true]);
      for (const metric of own) if (!exported.has(metric)) unknown.push(`${name}: ${metric}`);
      for (const label of grouped) {
        if (!own.some((metric) => exported.get(metric)?.has(label))) unknown.push(`${name}: by ${label}`);
      }
      for (const { metric, label, values } of matched.filter((each) => each.metric !== 'ALERTS')) {
        if (exported.get(metric)?.has(label) !== true) unknown.push(`${name}: ${metric}{${label}}`);
        const known = valuesOf(label);
        for (const value of values) {
          if (!known.has(value) && inTrouble[label]?.includes(value) !== true)
            unknown.push(`${name}: ${label}="${value}"`);
        }
      }
    }
    expect(unknown).toEqual([]);
  });
});
