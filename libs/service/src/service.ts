import type { Logger } from '@aegis/logging';
import { type HttpListener, type ListenerOptions, openListener } from './http-listener.js';
import type { Readiness } from './readiness.js';

export interface ServiceListener extends ListenerOptions {
  /** True for the listener that carries `/metrics` and probes: it stays open until everything else is closed. */
  closesLast?: boolean;
}

/**
 * What an app's composition hands to the shell. Each hook is called once at most, in the order written here; after a start
 * that failed, `stopIntake` and `drain` only if `start` had been called.
 */
export interface ServiceParts {
  logger: Logger;
  readiness: Readiness;
  listeners: readonly ServiceListener[];
  /** One deadline over the whole shutdown, in milliseconds. */
  shutdownTimeoutMs: number;
  /** How long to go on serving, already unready, until load balancers have noticed. Milliseconds; default 0. */
  drainDelayMs?: number;
  /** Aborts, with the error, when the service cannot go on: it then stops in order and ends with a failure. */
  failed?: AbortSignal;
  /** Before any listener opens: reach what the service cannot live without. Throw a `StartupError` to refuse. */
  prepare?(): Promise<void>;
  /** After the listeners opened: begin the work (workers, schedules). Ready once it resolves. */
  start?(): Promise<void>;
  /** Take no new work: pause workers, stop schedules. */
  stopIntake?(): Promise<void>;
  /** Resolve when the work in hand is done. Runs beside the draining of the HTTP listeners. */
  drain?(): Promise<void>;
  /** Close queues, then AWS clients, then Redis. Also called after a start that failed. */
  close?(): Promise<void>;
}

export interface Service {
  /** Resolves when ready. Rejects, with everything closed again, when it cannot start; `onFault` hears why before that. */
  start(onFault?: (error: unknown) => void): Promise<void>;
  /** The ordered shutdown, once; later calls share it. `clean`: every step succeeded in time. */
  stop(): Promise<{ clean: boolean }>;
  /** The open listeners, by name. */
  readonly listeners: ReadonlyMap<string, HttpListener>;
}

export function createService(parts: ServiceParts): Service {
  const listeners = new Map<string, HttpListener>();
  let stopping: Promise<{ clean: boolean }> | null = null;
  let working = false;

  const stop = (): Promise<{ clean: boolean }> => {
    stopping ??= stopInOrder({ parts, listeners, working });
    return stopping;
  };

  const start = async (onFault?: (error: unknown) => void): Promise<void> => {
    try {
      await parts.prepare?.();
      for (const options of parts.listeners) {
        if (stopping) return;
        const listener = await openListener(options);
        listeners.set(options.name, listener);
        parts.logger.info('listening', { listener: options.name, url: listener.url });
      }
      if (stopping) return;
      working = true;
      await parts.start?.();
      if (stopping) return;
      parts.readiness.markReady();
      parts.logger.info('ready');
    } catch (error) {
      // A stop that overtook the start has closed what the start was using: its failure means nothing then.
      if (stopping) return;
      onFault?.(error);
      await stop();
      throw error;
    }
  };

  return { start, stop, listeners };
}

interface Shutdown {
  parts: ServiceParts;
  listeners: ReadonlyMap<string, HttpListener>;
  /** Whether `start` has been called, so that there may be work to end. */
  working: boolean;
}

interface Step {
  name: string;
  run: () => Promise<unknown> | undefined;
}

/** The order is the design: nothing is closed while something that is still running may need it. */
function shutdownSteps({ parts, listeners, working }: Shutdown): Step[] {
  const last = new Set(parts.listeners.filter((options) => options.closesLast).map((options) => options.name));
  const first = [...listeners.values()].filter((listener) => !last.has(listener.name));
  const rest = [...listeners.values()].filter((listener) => last.has(listener.name));
  const closeAll = (group: readonly HttpListener[]) => Promise.all(group.map((listener) => listener.close()));
  return [
    { name: 'wait for load balancers', run: () => delay(working ? (parts.drainDelayMs ?? 0) : 0) },
    { name: 'stop intake', run: () => (working ? parts.stopIntake?.() : undefined) },
    { name: 'drain', run: () => allSettledOrThrow([closeAll(first), working ? parts.drain?.() : undefined]) },
    { name: 'close connections', run: () => parts.close?.() },
    { name: 'close operations listeners', run: () => closeAll(rest) },
  ];
}

async function stopInOrder(shutdown: Shutdown): Promise<{ clean: boolean }> {
  const { parts, listeners, working } = shutdown;
  const { logger, readiness, shutdownTimeoutMs } = parts;
  readiness.beginDrain();
  for (const listener of listeners.values()) listener.beginDrain();

  let current = '';
  let clean = true;
  const runSteps = async (): Promise<'done'> => {
    for (const step of shutdownSteps(shutdown)) {
      current = step.name;
      try {
        await step.run();
      } catch (error) {
        clean = false;
        logger.error('shutdown step failed', { step: step.name, error });
      }
    }
    return 'done';
  };
  const deadline = deadlineAfter(shutdownTimeoutMs);
  const outcome = await Promise.race([runSteps(), deadline.reached]);
  deadline.cancel();
  if (outcome === 'late') {
    clean = false;
    for (const listener of listeners.values()) listener.destroy();
    logger.error('shutdown deadline passed', { step: current, shutdownTimeoutMs });
  } else if (working) {
    logger.info('stopped', { clean });
  }
  return { clean };
}

/** Waits for all even when one fails, so that no work is left running behind the next step. */
async function allSettledOrThrow(work: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, 'several parts failed to drain');
}

function delay(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

function deadlineAfter(ms: number): { reached: Promise<'late'>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const reached = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  return { reached, cancel: () => clearTimeout(timer) };
}
