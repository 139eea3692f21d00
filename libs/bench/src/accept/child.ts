import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of this benchmark as a process of its own; it ends when its channel closes. */
export interface Child {
  /** The next message it sends; rejects when it ends instead. */
  next<Message>(): Promise<Message>;
  send(message: object): void;
  stop(): Promise<void>;
}

export function startChild(program: 'load-process' | 'bare-process', args: readonly string[] = []): Child {
  // The built file, also when this one is run from its source by a test.
  const file = fileURLToPath(new URL(`../../dist/accept/${program}.js`, import.meta.url));
  const child: ChildProcess = fork(file, args, { execArgv: [] });
  const ended = once(child, 'exit');
  return {
    async next<Message>(): Promise<Message> {
      const [message] = await Promise.race([once(child, 'message'), ended.then(() => [null])]);
      if (message === null) throw new Error(`${program} ended`);
      return message as Message;
    },
    send: (message) => void child.send(message),
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
