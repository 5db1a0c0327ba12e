import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { fetchDashboardCheck } from '@dta/testkit';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DASHBOARD, readDashboard, type Dashboard } from '../src/monitoring.js';

// deploy/grafana by Grafana's own schemas. Grafana itself is not run; monitoring.spec.ts asks Prometheus what the panels ask.
jest.setTimeout(300_000); // the check is built where it isn't there yet

const run = promisify(execFile);

let folder: string;
let dashboard: Dashboard;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-dashboard-'));
  dashboard = await readDashboard();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('deploy/grafana/dashboard.json', () => {
  const check = async (file: string) => run(await fetchDashboardCheck(), [file]);

  test("is what Grafana's own schemas have, with no field that they don't know", async () => {
    await check(DASHBOARD);
  });

  test.each([
    ['"schemaVersion": 39', '"schemaVersion": "39"', 'schemaVersion'],
    ['"legendFormat": "{{state}}"', '"legendFormats": "{{state}}"', 'legendFormats'],
    ['"lineWidth": 1', '"lineWidths": 1', 'lineWidths'],
    ['"reduceOptions":', '"reduce":', 'reduce'],
    ['"gridPos":', '"grid":', 'grid'],
  ])('is not what they have with %s turned into %s', async (text, other, named) => {
    const file = join(folder, 'dashboard.json');
    const before = await readFile(DASHBOARD, 'utf8');
    expect(before).toContain(text);
    await writeFile(file, before.replace(text, other));
    await expect(check(file)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(named) });
  });

  test('has panels of kinds that were checked, each in a place and by an id of its own', () => {
    const places = new Set<string>();
    for (const { type, title, gridPos } of dashboard.panels) {
      expect([title, ['row', 'stat', 'timeseries'].includes(type), gridPos.x + gridPos.w <= 24]).toEqual([
        title,
        true,
        true,
      ]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, places.has(`${x} ${y}`)]).toEqual([title, false]);
          places.add(`${x} ${y}`);
        }
      }
    }
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('asks the Prometheus that is chosen, and names no variable that it lacks', async () => {
    const declared = new Set(['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)]);
    const text = await readFile(DASHBOARD, 'utf8');
    for (const [, name = ''] of text.matchAll(/\$\{?(\w+)/g)) {
      expect([name, declared.has(name) || name === '__all']).toEqual([name, true]);
    }
    const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);
    expect(targets.length).toBeGreaterThan(20);
    for (const { datasource } of targets) expect(datasource.uid).toBe('${datasource}');
  });
});
