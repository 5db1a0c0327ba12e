export { startCluster, type Cluster, type ClusterOptions } from './cluster.js';
export { type AppProcess } from './cluster/app-process.js';
export { natsAccounts, type NatsAccounts, type NatsLogin, type NatsTenant } from './cluster/nats-accounts.js';
export { type Member, type Operator, type OperatorOptions } from './cluster/operator.js';
export { dta, type ClusterApp, type ClusterRole, type MemberFiles } from './cluster/operator-files.js';
export { restApi, type RestAnswer, type RestApi } from './cluster/rest-api.js';
export { readComposeFile, type ComposeService } from './containers/compose-file.js';
export { startCompose, type ComposeOptions, type ComposeProject } from './containers/compose.js';
export { buildStandIns } from './containers/stand-ins.js';
export { fetchPodman, openPodman, whyNoContainers, type Podman, type PodmanOptions } from './containers/podman.js';
export { unpackPackages, wouldInstall } from './debian-packages.js';
export { fetchDashboardCheck } from './dashboard-check.js';
export { freePort } from './free-port.js';
export { fetchKubernetesClients, type KubernetesClients } from './kubernetes/clients.js';
export { fetchPrometheusOperatorSchemas } from './kubernetes/operator-schemas.js';
export { fetchKubernetesSchemas } from './kubernetes/schemas.js';
export {
  startKubernetes,
  startRealKubernetes,
  whyNoRealPods,
  type Kubernetes,
  type RealKubernetes,
} from './kubernetes/kubernetes.js';
export { fetchContainerd, fetchKubernetes, type KubernetesPrograms } from './kubernetes/programs.js';
export { startKuboSwarm, type KuboNode, type KuboSwarm } from './kubo-swarm.js';
export { startNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.js';
export { fetchPrometheus, startPrometheus, type Prometheus, type PrometheusPrograms } from './prometheus.js';
export { fetchOldestPostgres, startOldestPostgres, type OldestPostgres } from './oldest-postgres.js';
export { startRelay, type Relay } from './relay.js';
export { freshDatabase, type FreshDatabase } from './postgres-server.js';
export { freshName, openRunServices, serviceUrl, type RunServices, type ServiceName } from './run-services.js';
export { checkoutRoot, compileCache, fetchTool, withLock, type FetchOptions, type ToolName } from './toolbox.js';
export { fetchSoftHsm, freshToken, makeTokenFolder, type SoftHsm, type SoftHsmToken } from './softhsm.js';
export { holds, isWiped, listening } from './listening.js';
export { cpuOf, priceIn } from './price.js';
