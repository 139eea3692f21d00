import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range the kernel hands out to outgoing connections, so a port stays free until its server binds it. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

const given = new Set<number>();

/** Whether nothing listens on the TCP port of 127.0.0.1 (or of every address). */
export async function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A TCP port on 127.0.0.1 that is free and was not given out by this process before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (given.has(port)) continue;
    given.add(port);
    if (await isPortFree(port)) return port;
  }
}
