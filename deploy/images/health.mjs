// HEALTHCHECK of the image of roles: node health.mjs [live|ready]. Asks the process for its health where METRICS_PORT shows it.
const { METRICS_PORT = '', METRICS_HOST = '127.0.0.1' } = process.env;
const what = process.argv[2] ?? 'live';
try {
  const host = METRICS_HOST === '0.0.0.0' ? '127.0.0.1' : METRICS_HOST;
  const answer = await fetch(`http://${host}:${METRICS_PORT}/health/${what}`, { signal: AbortSignal.timeout(4_000) });
  console.log(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.log(`no answer from METRICS_PORT ${METRICS_PORT}: ${error.cause?.code ?? error.message}`);
  process.exitCode = 1;
}
