// Gets the programs that tests run; once a checkout, under the ignored folder .cache/tools.
import { openProgress } from '../libs/service/dist/src/index.js';
import {
  fetchDashboardCheck,
  fetchKubernetesClients,
  fetchKubernetesSchemas,
  fetchOldestPostgres,
  fetchPrometheus,
  fetchSoftHsm,
  fetchTool,
} from '../libs/testkit/dist/src/index.js';

const progress = openProgress();
try {
  for (const name of ['nats-server', 'ipfs', 'kubeconform', 'kube-score'])
    console.log(`${name}: ${await fetchTool(name, { progress })}`);
  console.log(`SoftHSM: ${(await fetchSoftHsm()).module}`);
  console.log(`Prometheus: ${(await fetchPrometheus()).server}`);
  console.log(`check of dashboards: ${await fetchDashboardCheck({ progress })}`);
  console.log(`Helm: ${(await fetchKubernetesClients()).helm}`);
  console.log(`schemas of Kubernetes: ${await fetchKubernetesSchemas()}`);
  console.log(`PostgreSQL, the oldest: ${(await fetchOldestPostgres()).native}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
