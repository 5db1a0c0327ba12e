// helm test: whether the gateway answers that it and the roles behind it can work. No token is asked for that.
const { GATEWAY, TIMEOUT_SECONDS } = process.env;
const until = performance.now() + Number(TIMEOUT_SECONDS) * 1_000;
for (;;) {
  let said;
  try {
    const answer = await fetch(`${GATEWAY}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    said = `${answer.status} ${await answer.text()}`;
    if (answer.ok) {
      console.log(said);
      break;
    }
  } catch (error) {
    said = `${GATEWAY} does not answer: ${error.cause?.code ?? error.message}`;
  }
  if (performance.now() > until) {
    console.error(said);
    process.exitCode = 1;
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}
