import { setTimeout as delay } from 'node:timers/promises';
import { readComposeFile, type ComposeService } from './compose-file.js';
import { openGate, type Gate } from './gate.js';
import { bridge, type Podman } from './podman.js';

/** How {@link startCompose} starts a file. */
export interface ComposeOptions {
  readonly file: string;
  /** Begins the names of its containers and volumes. */
  readonly project: string;
  /** Of the variables that the file names. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The machine's last byte of the first container's address; each further one has the next. */
  readonly firstAddress: number;
}

/** A compose file that runs. */
export interface ComposeProject {
  readonly services: readonly ComposeService[];
  /** Its container's address on the bridge. */
  address(service: string): string;
  /** Of a port that the file shows, as this process reaches it: `http://127.0.0.1:…`. */
  published(service: string): string;
  /** Runs a command in a container; gives what it printed. */
  exec(service: string, command: readonly string[]): Promise<string>;
  logs(service: string): Promise<string>;
  /** Settles when the container's own health test succeeds. @throws Error with its log where it doesn't */
  healthy(service: string): Promise<void>;
  /** Ends what this process holds of it; its containers end with Podman. */
  stop(): Promise<void>;
}

const healthLimitMs = 180_000;
const endLimitMs = 180_000;

/**
 * Starts every service of a compose file as `docker compose up` would: in its order, under its conditions, each with an
 * address of its own on the bridge and the names of the others. `build` is not done: the images are there.
 *
 * @throws Error with the log of what did not start
 */
export async function startCompose(podman: Podman, options: ComposeOptions): Promise<ComposeProject> {
  const { file, project, environment = {}, firstAddress } = options;
  const services = await readComposeFile(file, environment);
  const addresses = new Map(
    services.map(({ name }, at) => [name, bridge.address.replace(/\d+$/, String(firstAddress + at))]),
  );
  const address = (name: string) => known(addresses.get(name), name);
  const container = (name: string) => `${project}-${name}`;
  const service = (name: string) =>
    known(
      services.find((each) => each.name === name),
      name,
    );
  const logs = async (name: string) => {
    // what it wrote to standard error comes on standard error
    return podman.command(['sh', '-c', 'podman logs "$1" 2>&1', 'sh', container(name)]);
  };
  const exec = (name: string, command: readonly string[]) => podman.podman(['exec', container(name), ...command]);
  const failed = async (name: string, how: string) => {
    const words = (await logs(name).catch(String)).trim().slice(-2_000);
    return new Error(`${container(name)} ${how}: ${words || 'it said nothing'}`);
  };

  const healthy = async (name: string) => {
    const { healthTest } = service(name);
    const test = () =>
      healthTest === undefined ? podman.podman(['healthcheck', 'run', container(name)]) : exec(name, healthTest);
    for (const limit = performance.now() + healthLimitMs; ; await delay(500)) {
      const said = await test().then(
        () => null,
        (error: unknown) => String(error),
      );
      if (said === null) return;
      if (performance.now() > limit) throw await failed(name, `is not healthy (${said})`);
    }
  };
  const waits = {
    service_started: () => Promise.resolve(),
    service_healthy: healthy,
    service_completed_successfully: async (name: string) => {
      const status = await podman.podman(['wait', container(name)], { timeoutMs: endLimitMs });
      if (status.trim() !== '0') throw await failed(name, `ended with ${status.trim()}`);
    },
  };

  const published = new Map<string, Gate>();
  const stop = async () => {
    for (const gate of published.values()) await gate.stop();
  };
  const begun = new Map<string, Promise<void>>();
  const begin = async (each: ComposeService) => {
    for (const [other, condition] of Object.entries(each.after)) {
      await begun.get(other);
      await waits[condition](other);
    }
    await addNetwork(podman, container(each.name), address(each.name));
    await podman.podman(runArguments(each, { project, addresses }));
    const [port] = each.ports;
    if (port !== undefined) published.set(each.name, await openGate(podman, address(each.name), port));
  };
  try {
    for (const each of services) begun.set(each.name, begin(each));
    const results = await Promise.allSettled(begun.values());
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ services, address, exec, logs, healthy, stop },
    published: (name) => known(published.get(name), name).url,
  };
}

function runArguments(
  { name, image, command, entrypoint, ...service }: ComposeService,
  { project, addresses }: { project: string; addresses: ReadonlyMap<string, string> },
): readonly string[] {
  const container = `${project}-${name}`;
  const each = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value]);
  const hosts = [...addresses].map(([other, address]) => `${other}:${address}`);
  const mounts = service.volumes.map((mount) => (mount.startsWith('/') ? mount : `${project}-${mount}`));
  const [program, ...first] = entrypoint ?? [];
  return [
    ...['run', '--detach', '--pull=never', '--name', container, '--hostname', name],
    ...['--network', `ns:/run/netns/${container}`],
    ...each('--add-host', hosts),
    ...each('--volume', mounts),
    ...each(
      '--env',
      Object.entries(service.environment).map(([key, value]) => `${key}=${value}`),
    ),
    ...each('--cap-drop', service.capDrop),
    // Docker writes `no-new-privileges:true`, Podman without the value
    ...each(
      '--security-opt',
      service.securityOptions.map((option) => option.replace(/^(no-new-privileges):true$/, '$1')),
    ),
    ...(service.readOnly ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...(service.stopWithin === undefined ? [] : ['--stop-timeout', String(service.stopWithin)]),
    ...(service.restart === undefined ? [] : ['--restart', service.restart]),
    ...(program === undefined ? [] : ['--entrypoint', program]),
    ...[image, ...first, ...command],
  ];
}

/** A network namespace, with a cable to the bridge. */
async function addNetwork(podman: Podman, name: string, address: string): Promise<void> {
  const [last = ''] = address.split('.').slice(-1);
  const script = `
ip netns add "$1"
ip link add "dta$3" type veth peer name eth0 netns "$1"
ip link set "dta$3" master ${bridge.name}
ip link set "dta$3" up
ip -n "$1" link set lo up
ip -n "$1" address add "$2/${bridge.prefix}" dev eth0
ip -n "$1" link set eth0 up`;
  await podman.command(['sh', '-ec', script, 'sh', name, address, last]);
}

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the compose file has no ${name}, or it shows none`);
  return value;
}
