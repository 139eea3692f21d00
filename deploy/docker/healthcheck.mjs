// Usage: node healthcheck.mjs PROGRAM PATH
// The health check of the images, which have no shell and no curl: ends with 0 when the program of this container answers
// the path with a 2xx status, with 1 otherwise.
const STANDARD_PORTS = { api: 8080, jobs: 8081, sim: 8082 };
/** Less than the time-out of HEALTHCHECK, so that the reason is printed. */
const TIMEOUT_MS = 2_500;

const [program, path] = process.argv.slice(2);
const port = process.env[`AEGIS_${program.toUpperCase()}_PORT`] || STANDARD_PORTS[program];
const url = `http://127.0.0.1:${port}${path}`;

try {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  console.log(`${url} answered ${status}`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.log(`${url} does not answer: ${error.cause?.code ?? error.message}`);
  process.exitCode = 1;
}
