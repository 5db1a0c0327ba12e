import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../containers/namespaces.js';
import { untilReady } from './components.js';
import type { ControlPlane } from './control-plane.js';
import { fetchKubernetes } from './programs.js';

/** Of nodes that kwok plays: it knows them by it. */
const mark = { 'kwok.x-k8s.io/node': 'fake' } as const;

/**
 * Adds nodes that don't exist, named `node-1` and on, each in a zone of its own. kwok says of every pod on them that it is
 * ready, and of a Job's that it has completed: nothing runs, but controllers, scheduler and admission are real.
 *
 * @throws DtaError `start_failed` with kwok's last words
 */
export async function startKwokNodes(plane: ControlPlane, count: number): Promise<void> {
  const { kubernetes } = await fetchKubernetes();
  const [stages, user] = [join(plane.folder, 'stages.yaml'), 'kwok'];
  await writeFile(stages, await runCommand([kubernetes, 'kwok-stages']));
  const certificate = await plane.authority.issue(user, { name: user, group: 'system:masters' });
  const file = await plane.kubeconfig(user, certificate);
  const [selector] = Object.entries(mark).map(([name, value]) => `${name}=${value}`);
  const kwok = await plane.start('kwok', [
    ...[kubernetes, 'kwok', `--config=${stages}`, `--kubeconfig=${file}`],
    ...[`--manage-nodes-with-annotation-selector=${selector}`, '--node-lease-duration-seconds=40'],
  ]);
  const nodes = Array.from({ length: count }, (_, at) => node(`node-${at + 1}`, `zone-${at + 1}`));
  await plane.kubectl(['apply', '--filename', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: nodes }),
  });
  const ready = ['wait', '--for=condition=Ready', 'node', '--all', '--timeout=1s'];
  await untilReady('the nodes', [kwok], () => plane.kubectl(ready).then(() => true));
}

function node(name: string, zone: string): object {
  const room = { cpu: '8', memory: '32Gi', pods: '110' };
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'topology.kubernetes.io/zone': zone };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels, annotations: mark },
    status: { allocatable: room, capacity: room },
  };
}
