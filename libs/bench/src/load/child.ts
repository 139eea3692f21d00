import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of a benchmark as a process of its own; it ends when its channel closes. */
export interface Child {
  /** The next message it sends; rejects when it ends instead. */
  next<Message>(): Promise<Message>;
  send(message: object): void;
  stop(): Promise<void>;
}

export type ChildProgram =
  | 'load/load-process'
  | 'accept/bare-process'
  | 'trigger/bare-api-process'
  | 'trigger/bare-jobs-process';

export function startChild(program: ChildProgram, args: readonly string[] = []): Child {
  // The built file, also when this one is run from its source by a test.
  const file = fileURLToPath(new URL(`../../dist/${program}.js`, import.meta.url));
  const child: ChildProcess = fork(file, args, { execArgv: [] });
  const ended = once(child, 'exit');
  // Keeps what comes before anybody asks for it.
  const messages = on(child, 'message');
  return {
    async next<Message>(): Promise<Message> {
      const next = await Promise.race([messages.next(), ended.then(() => null)]);
      if (next === null || next.done) throw new Error(`${program} ended`);
      return (next.value as [Message])[0];
    },
    send: (message) => void child.send(message),
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
