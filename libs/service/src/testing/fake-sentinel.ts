import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A sentinel as far as a client needs one, which answers when the test wants it to. */
export interface FakeSentinel {
  readonly port: number;
  /** Resolves when so many clients listen for failovers. */
  listeners(count: number): Promise<void>;
  /** Resolves when none does any more. */
  listenersGone(): Promise<void>;
  /** Resolves when the next client asks for the master; it is answered once `answer` is called. */
  holdNextQuestion(): Promise<{ answer(): void }>;
  /** Tells all who listen that the master is another. */
  tellOfFailover(): void;
  close(): Promise<void>;
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const array = (parts: readonly string[]) => `*${parts.length}\r\n${parts.map(bulk).join('')}`;

export async function startFakeSentinel(masterPort: number): Promise<FakeSentinel> {
  const sockets = new Set<Socket>();
  const listening = new Set<Socket>();
  let changed = () => {};
  let hold: ((question: { answer(): void }) => void) | undefined;

  function reply(socket: Socket, words: string): void {
    if (words.includes('get-master-addr-by-name')) {
      const answer = () => socket.write(array(['127.0.0.1', String(masterPort)]));
      if (hold === undefined) answer();
      else hold({ answer });
      hold = undefined;
    } else if (words.includes('subscribe')) {
      listening.add(socket);
      socket.write(`*3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`);
      changed();
    } else if (words.includes('sentinels')) socket.write('*0\r\n');
    else if (words.includes('hello')) socket.write("-ERR unknown command 'HELLO'\r\n");
    else socket.write('+OK\r\n');
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      listening.delete(socket);
      changed();
    });
    // Clients here send their commands whole; several may come at once.
    socket.on('data', (data) => {
      for (const command of data
        .toString()
        .toLowerCase()
        .split(/^\*\d+\r\n/m))
        if (command !== '') reply(socket, command);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    listeners: (count) => until(() => listening.size >= count),
    listenersGone: () => until(() => listening.size === 0),
    holdNextQuestion: () =>
      new Promise((resolve) => {
        hold = resolve;
      }),
    tellOfFailover() {
      for (const socket of listening) socket.write(array(['message', '+switch-master', 'aegis']));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
