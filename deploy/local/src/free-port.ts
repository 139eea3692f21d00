import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the range the kernel hands out to outgoing connections, so a port stays free until its server binds it. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

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

/**
 * Keeps a port for this process until it ends: false when some process has it. A server that is killed and started again must
 * find nobody else's in its place, so a port that nothing listens on may still be taken. The sign is a UDP socket of the same
 * number, which the kernel takes back from a process however it ends.
 */
export async function reservePort(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const sign = createSocket('udp4');
    sign.once('error', (error: NodeJS.ErrnoException) => {
      sign.close();
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    sign.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      sign.unref();
      resolve(true);
    });
  });
}

/** A TCP port on 127.0.0.1 that is free and that no other call is given, in any process, before this process has ended. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if ((await reservePort(port)) && (await isPortFree(port))) return port;
  }
}
