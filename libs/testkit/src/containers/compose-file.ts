import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

/** One service of a compose file, as its container is to be run. */
export interface ComposeService {
  readonly name: string;
  readonly image: string;
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** `source:target[:ro]`; a source without a slash is a volume of the project. */
  readonly volumes: readonly string[];
  /** What has to have happened to other services before. */
  readonly after: Readonly<Record<string, Condition>>;
  /** A command that succeeds in the container once it is healthy; undefined where the image knows itself. */
  readonly healthTest: readonly string[] | undefined;
  /** Ports of the container that the file shows to the machine. */
  readonly ports: readonly number[];
  readonly restart: string | undefined;
  /** Seconds from the request to stop to the kill. */
  readonly stopWithin: number | undefined;
  readonly readOnly: boolean;
  readonly capDrop: readonly string[];
  readonly securityOptions: readonly string[];
}

const conditions = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;
type Condition = (typeof conditions)[number];

/** What {@link readComposeFile} does something with. What else may stand in a file would change what runs. */
const known = new Set(
  'build image entrypoint command environment volumes depends_on healthcheck ports restart stop_grace_period read_only cap_drop security_opt'.split(
    ' ',
  ),
);

/**
 * The services of a compose file, each after those that it waits for.
 *
 * @param environment of the variables that it names
 * @throws Error where the file says something that this reader doesn't know: then it isn't run at all, rather than otherwise
 */
export async function readComposeFile(
  file: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly ComposeService[]> {
  const text = await readFile(file, 'utf8');
  const services = membersOf(membersOf(withVariables(parse(text, { merge: true }), environment))['services']);
  const all = new Map(
    Object.entries(services).map(([name, raw]) => [name, serviceOf(name, membersOf(raw), dirname(file))]),
  );
  const sorted: ComposeService[] = [];
  const add = (service: ComposeService) => {
    if (sorted.includes(service)) return;
    for (const other of Object.keys(service.after)) {
      const first = all.get(other);
      if (first === undefined) throw new Error(`${service.name} waits for ${other}, which is not there`);
      add(first);
    }
    sorted.push(service);
  };
  for (const service of all.values()) add(service);
  return sorted;
}

type Raw = Readonly<Record<string, unknown>>;

/** None, where the file leaves it out. @throws Error where it is a list or a text, which would mean something else */
function membersOf(value: unknown): Raw {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error(`${JSON.stringify(value)} is no map`);
  return { ...value };
}

function serviceOf(name: string, raw: Raw, folder: string): ComposeService {
  const unknown = Object.keys(raw).filter((key) => !known.has(key));
  if (unknown.length > 0) throw new Error(`${name} has ${unknown.join(', ')}, which the testkit can't run`);
  const texts = (key: string, value = raw[key]): readonly string[] => {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    throw new Error(`${name}: ${key} is no list of texts`);
  };
  const text = (key: string) => {
    const value = raw[key];
    if (value === undefined || typeof value === 'string') return value;
    throw new Error(`${name}: ${key} is no text`);
  };
  const image = text('image');
  if (image === undefined) throw new Error(`${name} names no image`);
  const test = texts('test', membersOf(raw['healthcheck'])['test']);
  if (test.length > 0 && test[0] !== 'CMD') throw new Error(`${name}: its health test is no CMD`);
  return {
    ...{ name, image, command: texts('command'), restart: text('restart'), readOnly: raw['read_only'] === true },
    entrypoint: raw['entrypoint'] === undefined ? undefined : texts('entrypoint'),
    environment: Object.fromEntries(
      Object.entries(membersOf(raw['environment'])).map(([key, value]) => [key, String(value)]),
    ),
    volumes: texts('volumes').map((mount) =>
      mount.startsWith('.') ? mount.replace(/^[^:]+/, (from) => resolve(folder, from)) : mount,
    ),
    after: Object.fromEntries(
      Object.entries(membersOf(raw['depends_on'])).map(([other, how]) => [other, conditionOf(membersOf(how))]),
    ),
    stopWithin: secondsIn(text('stop_grace_period')),
    healthTest: test.length === 0 ? undefined : test.slice(1),
    ports: texts('ports').map((port) => Number(port.split(':').at(-1))),
    capDrop: texts('cap_drop'),
    securityOptions: texts('security_opt'),
  };
}

function conditionOf({ condition }: Raw): Condition {
  const found = conditions.find((each) => each === condition);
  if (found === undefined) throw new Error(`no condition ${String(condition)} is known`);
  return found;
}

/** Puts values for `${NAME}`, and `$` for `$$`, as Compose does. @throws Error where there is none */
function withVariables(value: unknown, environment: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$(?:\$|\{(\w+)\})/g, (_, name?: string) => {
      if (name === undefined) return '$';
      const found = environment[name];
      if (found === undefined) throw new Error(`${name} has no value`);
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((each) => withVariables(each, environment));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withVariables(each, environment)]));
}

function secondsIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, seconds] = /^(\d+)s$/.exec(text) ?? [];
  if (seconds === undefined) throw new Error(`${text} is no number of seconds`);
  return Number(seconds);
}
