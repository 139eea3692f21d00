import { constants } from 'node:os';
import type { Logger } from '@aegis/logging';
import { createService, type Service, type ServiceParts } from './service.js';
import { isOperatorError } from './startup-error.js';

/** The part of `process` the shell touches. */
export interface ProcessPort {
  on(event: string, listener: (...args: never[]) => void): unknown;
  exit(code: number): void;
  stderr: { write(text: string): unknown };
}

export interface RunServiceOptions {
  /** Stands before each start-up fault: `aegis-api`. */
  name: string;
  /** Builds everything and connects nothing that `ServiceParts.close` would not close. */
  compose: () => ServiceParts | Promise<ServiceParts>;
  process?: ProcessPort;
  /** Monotonic milliseconds. */
  now?: () => number;
}

/** A terminal's Ctrl-C reaches the whole process group, and the supervisor then adds its SIGTERM: that is one wish. */
const SAME_WISH_MS = 1_000;

/**
 * The whole life of a process: start, signals, fatal errors, ordered stop, exit code. Exits 0 after a clean stop, 1 when
 * it could not start, failed, or passed its shutdown deadline, 128 + signal when a second signal forced it.
 */
export async function runService(options: RunServiceOptions): Promise<void> {
  const shell = options.process ?? (process as unknown as ProcessPort);
  const now = options.now ?? (() => performance.now());
  const life: { service: Service | null; logger: Logger | null } = { service: null, logger: null };

  const exit = async (code: number): Promise<void> => {
    await life.logger?.flush();
    shell.exit(code);
  };
  watchFatalErrors(shell, options.name, life, exit);
  watchSignals({ shell, now, life, exit });

  let told = false;
  const tell = (error: unknown): void => {
    if (!told) shell.stderr.write(`${startupFault(options.name, error)}\n`);
    told = true;
  };
  try {
    const parts = await options.compose();
    life.logger = parts.logger;
    life.service = createService(parts);
    watchFailure(parts, life.service, { tell, exit });
    await life.service.start(tell);
  } catch (error) {
    tell(error);
    await exit(1);
  }
}

/** What the service itself finds to be its end: told as a fault of the start is, and stopped in order. */
function watchFailure(
  { failed, logger }: ServiceParts,
  service: Service,
  { tell, exit }: { tell: (error: unknown) => void; exit: (code: number) => Promise<void> },
): void {
  failed?.addEventListener(
    'abort',
    () => {
      tell(failed.reason);
      logger.error('cannot go on', { error: failed.reason });
      void service.stop().then(() => exit(1));
    },
    { once: true },
  );
}

interface Life {
  service: Service | null;
  logger: Logger | null;
}

function watchSignals(options: {
  shell: ProcessPort;
  now: () => number;
  life: Life;
  exit: (code: number) => Promise<void>;
}): void {
  const { shell, now, life, exit } = options;
  let first: { signal: 'SIGTERM' | 'SIGINT'; at: number } | null = null;

  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (first === null) {
      first = { signal, at: now() };
      life.logger?.info('stopping', { signal });
      const stopped = life.service?.stop() ?? Promise.resolve({ clean: true });
      void stopped.then(({ clean }) => exit(clean ? 0 : 1));
      return;
    }
    if (signal !== first.signal && now() - first.at < SAME_WISH_MS) return;
    life.logger?.warn('forced to stop by a second signal', { signal });
    void exit(128 + constants.signals[signal]);
  };
  shell.on('SIGTERM', () => onSignal('SIGTERM'));
  shell.on('SIGINT', () => onSignal('SIGINT'));
  // Its default would end the process without a word and without draining. Ending in order is no better where a supervisor
  // takes exit code 0 for a wish.
  shell.on('SIGHUP', () =>
    life.logger?.warn('SIGHUP ignored: settings are read at start-up only, restart the process to apply changed ones'),
  );
}

/** After such an error the process knows nothing about its own state: stopping at once is what the design recovers from. */
function watchFatalErrors(shell: ProcessPort, name: string, life: Life, exit: (code: number) => Promise<void>): void {
  let dying = false;
  const onFatal = (kind: string, error: unknown): void => {
    if (dying) {
      shell.exit(1);
      return;
    }
    dying = true;
    if (life.logger) life.logger.error(`fatal: ${kind}`, { error });
    else shell.stderr.write(`${startupFault(name, error)}\n`);
    void exit(1);
  };
  shell.on('uncaughtException', (error: unknown) => onFatal('uncaught exception', error));
  shell.on('unhandledRejection', (error: unknown) => onFatal('unhandled rejection', error));
}

/** Operators get the plain message; a defect gets its stack. Several lines of a fault each carry the name. */
function startupFault(name: string, error: unknown): string {
  const text = isOperatorError(error)
    ? error.message
    : `cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  return text
    .split('\n')
    .map((line) => `${name}: ${line}`)
    .join('\n');
}
