import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './pages.js';
import type { Series } from './prometheus-api.js';

/** The folder of the sample configuration of Prometheus. */
export const PROMETHEUS = join(ROOT, 'deploy/prometheus');
/** The dashboard. */
export const DASHBOARD = join(ROOT, 'deploy/grafana/dashboard.json');

/** An alert of deploy/prometheus/rules.yaml. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The alerts of the rules file, in its order. */
export async function readAlerts(): Promise<readonly Alert[]> {
  const text = await readFile(join(PROMETHEUS, 'rules.yaml'), 'utf8');
  const { groups } = parse(text) as { groups: { rules: Alert[] }[] }; // Prometheus itself has checked its form
  return groups.flatMap(({ rules }) => rules);
}

/** A query of a panel. */
export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly datasource: { readonly uid: string };
}

/** A panel of the dashboard; a row has no targets. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

/** The dashboard, as far as tests look at it: Grafana's schemas know the rest. */
export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

/** Reads the dashboard. */
export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard; // its form is what the tests look at
}

/** An expression as Grafana sends it where all roles and processes are chosen. */
export function chosen(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replace(/\$(role|instance)\b/g, '.+');
}

/** What an alert compares, as an expression that has a value whether the alert fires or not. */
export function compared(expr: string): string {
  return expr.replace(/ (==|>|<) ([\d.]+)$/, ' $1 bool $2');
}

/** What an expression names: metrics, and their labels with the values that they are held against. */
export interface Named {
  readonly metrics: readonly string[];
  readonly matched: readonly { readonly metric: string; readonly label: string; readonly values: readonly string[] }[];
  /** Labels that it groups by. */
  readonly grouped: readonly string[];
}

const keywords = new Set(['and', 'or', 'unless', 'bool']);

/** Takes apart what an expression of PromQL names. */
export function namedIn(expr: string): Named {
  const matched = [...expr.matchAll(/([a-zA-Z_]\w*)\{([^}]*)\}/g)].flatMap(([, metric = '', inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => ({
      ...{ metric, label },
      values: /^[\w/|-]+$/.test(value) ? value.split('|') : [], // else a pattern
    })),
  );
  const grouping = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g;
  const grouped = [...expr.matchAll(grouping)].flatMap(([, list = '']) => list.split(',').map((label) => label.trim()));
  const rest = expr
    .replace(/\{[^}]*\}/g, '')
    .replace(grouping, '')
    .replace(/\[[^\]]*\]|\boffset\s+\w+/g, '');
  const metrics = [...rest.matchAll(/(?<![\w.])[a-zA-Z_]\w*\b(?!\s*\()/g)].map(([name]) => name);
  return { metrics: metrics.filter((name) => !keywords.has(name)), matched, grouped };
}

/** Of each metric its labels, of each label its values. */
export function exportedBy(series: readonly Series[]): ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>> {
  const exported = new Map<string, Map<string, Set<string>>>();
  for (const { __name__: name = '', ...labels } of series) {
    const of = exported.get(name) ?? new Map<string, Set<string>>();
    exported.set(name, of);
    for (const [label, value] of Object.entries(labels)) of.set(label, (of.get(label) ?? new Set()).add(value));
  }
  return exported;
}
