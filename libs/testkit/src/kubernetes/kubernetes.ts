import { openGate, type Gate } from '../containers/gate.js';
import { whyNoNamespaces, type CommandOptions } from '../containers/namespaces.js';
import { startControlPlane, type ControlPlane } from './control-plane.js';
import { startKwokNodes } from './kwok.js';
import { openNodeNamespaces, realNode, startRealNode, type RealNode } from './node.js';

/** A Kubernetes of this test's own, whose pods are played by kwok. */
export interface Kubernetes {
  /** Runs kubectl as the cluster's administrator; gives what it printed. @throws Error with what it said */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs Helm as the cluster's administrator; gives what it printed. @throws Error with what it said */
  helm(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs lines of a shell, with kubectl and Helm as the administrator's; gives what they printed. @throws Error with what failed */
  shell(lines: string, options?: CommandOptions): Promise<string>;
  /** Makes objects, or changes them. @throws Error with what the API refused */
  apply(...objects: readonly object[]): Promise<void>;
  /** An object, or a list of them, as `kubectl get … --output json` gives it. @throws Error where there is none */
  get(...args: readonly string[]): Promise<unknown>;
  /** Ends it and removes what it wrote. */
  stop(): Promise<void>;
}

/** A Kubernetes of this test's own with one node, whose pods run. */
export interface RealKubernetes extends Kubernetes, RealNode {
  /** Opens a port of 127.0.0.1 that leads to an address of a service or pod, until the gate is stopped, or the cluster. */
  open(address: string, port: number): Promise<Gate>;
}

/** Why no pod can run on this machine, in one sentence; null where they can. */
export const whyNoRealPods = (): Promise<string | null> => whyNoNamespaces('real pods');

/**
 * Starts a Kubernetes whose nodes are played by kwok, on free ports of 127.0.0.1. It takes no rights. It ends with this
 * process, on Linux even where that is killed.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startKubernetes({ nodes }: { readonly nodes: number }): Promise<Kubernetes> {
  const plane = await startControlPlane();
  try {
    await startKwokNodes(plane, nodes);
    return offer(plane, () => plane.stop());
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/**
 * Starts a Kubernetes in namespaces of its own with one node, whose pods are real: each has an address and reaches services
 * by their names, and nothing outside. It takes the rights of root. It ends with this process, however that ends.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startRealKubernetes(): Promise<RealKubernetes> {
  const namespaces = await openNodeNamespaces();
  const gates: Gate[] = [];
  let plane: ControlPlane | undefined;
  const stop = async () => {
    for (const gate of gates) await gate.stop();
    await namespaces.stop();
    await plane?.stop();
  };
  try {
    plane = await startControlPlane({ place: namespaces, address: realNode.address });
    const node = await startRealNode(plane, namespaces);
    const open = async (address: string, port: number) => {
      const gate = await openGate(namespaces, address, port);
      gates.push(gate);
      return gate;
    };
    return { ...offer(plane, stop), ...node, open };
  } catch (error) {
    await stop();
    throw error;
  }
}

function offer({ kubectl, helm, shell }: ControlPlane, stop: () => Promise<void>): Kubernetes {
  return {
    ...{ kubectl, helm, shell, stop },
    apply: async (...items) => {
      await kubectl(['apply', '--filename', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    },
    get: async (...args): Promise<unknown> => JSON.parse(await kubectl(['get', ...args, '--output', 'json'])),
  };
}
