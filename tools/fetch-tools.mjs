// Gets the programs that tests run; once a checkout, under the ignored folder .cache/tools. With the argument `kubernetes`
// those of its suite too, one of which takes long to build.
import { openProgress } from '../libs/service/dist/src/index.js';
import {
  fetchDashboardCheck,
  fetchKubernetes,
  fetchKubernetesClients,
  fetchKubernetesSchemas,
  fetchOldestPostgres,
  fetchPrometheus,
  fetchPrometheusOperatorSchemas,
  fetchSoftHsm,
  fetchTool,
} from '../libs/testkit/dist/src/index.js';

const progress = openProgress();
try {
  for (const name of ['nats-server', 'ipfs', 'kubeconform', 'kube-score', 'nk'])
    console.log(`${name}: ${await fetchTool(name, { progress })}`);
  console.log(`SoftHSM: ${(await fetchSoftHsm()).module}`);
  console.log(`Prometheus: ${(await fetchPrometheus()).server}`);
  console.log(`check of dashboards: ${await fetchDashboardCheck({ progress })}`);
  console.log(`Helm: ${(await fetchKubernetesClients()).helm}`);
  console.log(`schemas of Kubernetes: ${await fetchKubernetesSchemas()}`);
  console.log(`schemas of the Prometheus Operator: ${await fetchPrometheusOperatorSchemas()}`);
  console.log(`PostgreSQL, the oldest: ${(await fetchOldestPostgres()).native}`);
  if (process.argv[2] === 'kubernetes') {
    console.log(`Kubernetes: ${(await fetchKubernetes({ progress })).kubernetes}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
