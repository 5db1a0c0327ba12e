import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readComposeFile } from '@dta/testkit';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-compose-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string, environment: Readonly<Record<string, string>> = {}) {
  const file = join(folder, 'compose.yaml');
  await writeFile(file, text);
  return readComposeFile(file, environment);
}

test('a compose file is read with its merges, variables and conditions, each service after those that it waits for', async () => {
  const services = await read(
    `
x-app: &app
  image: dta
  read_only: true
  stop_grace_period: 40s
services:
  last:
    <<: *app
    entrypoint: [/bin/sh, -c]
    command: ['echo $$HOME \${WHERE}']
    environment: { A: '\${WHERE}', B: 2 }
    volumes: ['\${WHERE}:/state:ro', './conf:/conf', 'data:/data']
    ports: ['127.0.0.1:5556:5557']
    depends_on: { first: { condition: service_healthy } }
  first:
    image: postgres:18-alpine
    healthcheck: { test: [CMD, 'true'] }
`,
    { WHERE: '/srv' },
  );
  expect(services.map(({ name }) => name)).toEqual(['first', 'last']);
  const [first, last] = services;
  expect(first).toMatchObject({ healthTest: ['true'], readOnly: false, stopWithin: undefined, ports: [] });
  expect(last).toMatchObject({
    ...{ image: 'dta', readOnly: true, stopWithin: 40, ports: [5557], after: { first: 'service_healthy' } },
    entrypoint: ['/bin/sh', '-c'],
    command: ['echo $HOME /srv'],
    environment: { A: '/srv', B: '2' },
    volumes: ['/srv:/state:ro', `${join(folder, 'conf')}:/conf`, 'data:/data'],
  });
});

test.each([
  ['a key that the testkit would leave out', 'image: dta, privileged: true', 'privileged'],
  ['no image', 'build: .', 'names no image'],
  ['a variable without a value', "image: dta, command: ['${MISSING}']", 'MISSING'],
  ['another that is not there', 'image: dta, depends_on: { other: { condition: service_started } }', 'other'],
  ['a condition that is none', 'image: dta, depends_on: { one: { condition: service_up } }', 'service_up'],
  ['a health test by a shell', "image: dta, healthcheck: { test: 'true' }", 'no list'],
  ['a list for a map', 'image: dta, environment: [A=1]', 'no map'],
])('a service with %s is refused, by name', async (_, service, named) => {
  await expect(read(`services: { one: { ${service} } }`)).rejects.toThrow(named);
});
