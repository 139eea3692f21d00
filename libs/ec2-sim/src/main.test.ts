import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], { env: { PATH: '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const seen = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    seen.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    seen.err += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]: unknown[]) => {
    running.delete(child);
    return code;
  });
  return { child, seen, ended };
}

test.each(['SIGTERM', 'SIGINT'] as const)('says one line when ready and ends cleanly on %s', async (signal) => {
  const { child, seen, ended } = start({ AEGIS_SIM_PORT: '0' });
  await once(child.stdout, 'data');
  const url = /^ec2-sim: ready at (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(seen.out)?.[1];
  expect((await fetch(`${url}/_sim/health`)).status).toBe(200);
  child.kill(signal);
  expect(await ended).toBe(0);
  expect(seen.err).toBe('');
});

test('a taken port is one clear line and exit 1', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const address = squatter.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { seen, ended } = start({ AEGIS_SIM_PORT: String(port) });
  expect(await ended).toBe(1);
  expect(seen.err).toBe(`ec2-sim: port ${port} on 127.0.0.1 is taken; set AEGIS_SIM_PORT to another\n`);
  squatter.close();
});

test('a bad setting is one clear line and exit 1', async () => {
  const { seen, ended } = start({ AEGIS_SIM_THROTTLE: 'maybe' });
  expect(await ended).toBe(1);
  expect(seen.err).toMatch(/^ec2-sim: AEGIS_SIM_THROTTLE: .*\n$/);
});
