import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from '@aegis/logging';

/** `unready`: running, but something it needs does not answer. */
export type ReadinessStatus = 'starting' | 'ready' | 'unready' | 'draining';
export type CheckResult = 'ok' | 'failed' | 'timeout';

export interface ReadinessCheck {
  name: string;
  /** Resolves when the thing answers. */
  check(): Promise<unknown>;
}

export interface ReadinessReport {
  status: ReadinessStatus;
  checks: Record<string, CheckResult>;
}

export interface Readiness {
  /** Aborts when shutdown begins: ends what would outlive it (event streams, long waits). */
  readonly draining: AbortSignal;
  markReady(): void;
  beginDrain(): void;
  report(): Promise<ReadinessReport>;
  /** Liveness: 200 as long as the event loop turns. */
  readonly healthz: RequestListener;
  /** Readiness: 200 only when started, not draining, and every check passes; else 503. */
  readonly readyz: RequestListener;
}

export interface ReadinessOptions {
  logger: Logger;
  checks: readonly ReadinessCheck[];
  /** Limit of each check; they run side by side. */
  timeoutMs?: number;
}

export function createReadiness(options: ReadinessOptions): Readiness {
  const drained = new AbortController();
  const lastResults = new Map<string, CheckResult>();
  let started = false;
  let running: Promise<ReadinessReport> | null = null;

  const runCheck = async ({ name, check }: ReadinessCheck): Promise<[string, CheckResult]> => {
    const { result, error } = await withinTime(check, options.timeoutMs ?? 1_000);
    const before = lastResults.get(name) ?? 'ok';
    if (result !== 'ok' && before === 'ok')
      options.logger.warn('readiness check fails', { check: name, result, error });
    if (result === 'ok' && before !== 'ok') options.logger.info('readiness check passes again', { check: name });
    lastResults.set(name, result);
    return [name, result];
  };

  const runChecks = async (): Promise<ReadinessReport> => {
    const checks = Object.fromEntries(await Promise.all(options.checks.map(runCheck)));
    const passed = Object.values(checks).every((result) => result === 'ok');
    return { status: passed ? 'ready' : 'unready', checks };
  };

  const report = async (): Promise<ReadinessReport> => {
    if (drained.signal.aborted) return { status: 'draining', checks: {} };
    if (!started) return { status: 'starting', checks: {} };
    // One run at a time serves everybody who asks: the page needs no key, and must not multiply into Redis.
    running ??= runChecks().finally(() => {
      running = null;
    });
    return running;
  };

  return {
    draining: drained.signal,
    markReady() {
      started = true;
    },
    beginDrain() {
      drained.abort();
    },
    report,
    healthz: (request, response) => sendJson(request, response, 200, { status: 'ok' }),
    readyz: (request, response) => {
      void report().then((state) => sendJson(request, response, state.status === 'ready' ? 200 : 503, state));
    },
  };
}

async function withinTime(
  check: () => Promise<unknown>,
  timeoutMs: number,
): Promise<{ result: CheckResult; error?: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<{ result: CheckResult }>((resolve) => {
    timer = setTimeout(() => resolve({ result: 'timeout' }), timeoutMs);
  });
  const outcome = Promise.resolve()
    .then(check)
    .then(
      () => ({ result: 'ok' as const }),
      (error: unknown) => ({ result: 'failed' as const, error }),
    );
  try {
    return await Promise.race([outcome, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function sendJson(request: IncomingMessage, response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
