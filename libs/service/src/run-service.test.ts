import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';

const FIXTURE = fileURLToPath(new URL('../test/fixture-service.mjs', import.meta.url));

const SIGHUP_LINE = 'SIGHUP ignored: settings are read at start-up only, restart the process to apply changed ones';

interface LogRecord extends Record<string, unknown> {
  message: string;
}

/** A real process on the service shell, and what it said. */
class Fixture {
  readonly records: LogRecord[] = [];
  stderr = '';
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  readonly #child: ChildProcess;
  #wake: () => void = () => {};

  constructor(plan: object) {
    this.#child = spawn(process.execPath, [FIXTURE, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      this.records.push(...lines.map((line) => JSON.parse(line) as LogRecord));
      this.#wake();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      this.#wake();
    });
    this.exit = once(this.#child, 'close').then(([code, signal]) => {
      this.#wake();
      return { code, signal };
    });
  }

  get messages(): string[] {
    return this.records.map((record) => record.message);
  }

  get steps(): string[] {
    return this.messages.filter((message) => message.startsWith('step ')).map((message) => message.slice(5));
  }

  logged(message: string): Promise<LogRecord> {
    return this.#until(`log "${message}"`, () => this.records.find((record) => record.message === message));
  }

  /** The first thing it tells its operator. */
  told(): Promise<string> {
    return this.#until('say why', () => this.stderr || undefined);
  }

  async #until<Found>(what: string, find: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null) throw new Error(`ended and did not ${what}\n${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async url(listener: string): Promise<string> {
    await this.logged('ready');
    return String(this.records.find((record) => record.listener === listener)?.url);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
  }
}

const started: Fixture[] = [];
function start(plan: object = {}): Fixture {
  const fixture = new Fixture(plan);
  started.push(fixture);
  return fixture;
}

async function ask(url: string): Promise<{ status: number; body: string; connection: string | undefined }> {
  const [response] = await once(get(url, { agent: new Agent() }), 'response');
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body, connection: response.headers.connection };
}

afterEach(() => {
  for (const fixture of started.splice(0)) fixture.kill();
});

describe('stopping', () => {
  test('SIGTERM: unready, no new work, work in hand finished, connections closed, operations page last; exit 0', async () => {
    const fixture = start();
    const [main, operations] = [await fixture.url('main'), await fixture.url('operations')];
    expect(await ask(`${operations}/readyz`)).toMatchObject({ status: 200, body: '{"status":"ready","checks":{}}' });
    const slow = ask(`${main}/slow`);
    await fixture.logged('slow request in hand');

    fixture.signal('SIGTERM');
    await fixture.logged('step drain');
    expect(await ask(`${operations}/readyz`)).toMatchObject({ status: 503, body: '{"status":"draining","checks":{}}' });
    expect(await ask(`${operations}/healthz`)).toMatchObject({ status: 200 });
    expect(await ask(`${operations}/metrics`)).toMatchObject({ status: 200, body: 'aegis_up 1\n' });
    await expect(ask(`${main}/other`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(fixture.steps).toEqual(['prepare', 'start', 'stopIntake', 'drain']);

    fixture.signal('SIGUSR2');
    expect(await slow).toEqual({ status: 200, body: 'answer to /slow', connection: 'close' });
    expect(await fixture.exit).toEqual({ code: 0, signal: null });
    expect(fixture.steps).toEqual(['prepare', 'start', 'stopIntake', 'drain', 'close']);
  });

  test('with a drain delay it goes on serving, already unready, and tells its clients to go elsewhere', async () => {
    const fixture = start({ drainDelayMs: 10_000 });
    const [main, operations] = [await fixture.url('main'), await fixture.url('operations')];
    fixture.signal('SIGTERM');
    await fixture.logged('stopping');
    expect(await ask(`${operations}/readyz`)).toMatchObject({ status: 503 });
    expect(await ask(main)).toEqual({ status: 200, body: 'answer to /', connection: 'close' });
    expect(fixture.steps).toEqual(['prepare', 'start']);
  });

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    '%s on an idle process ends it at once with exit code 0',
    async (signal) => {
      const fixture = start();
      await fixture.logged('ready');
      const from = performance.now();
      fixture.signal(signal);
      expect(await fixture.exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - from).toBeLessThan(5_000);
      expect(fixture.steps).toEqual(['prepare', 'start', 'stopIntake', 'drain', 'close']);
      expect(fixture.messages.at(-1)).toBe('stopped');
      expect(fixture.stderr).toBe('');
    },
  );

  test('idle keep-alive connections do not hold it up', async () => {
    const fixture = start();
    const main = await fixture.url('main');
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get(main, { agent }), 'response');
    response.resume();
    await once(response, 'end');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 0, signal: null });
    agent.destroy();
  });

  test('a second signal forces it to end at once with a code of its own', async () => {
    const fixture = start({ slow: 'drain' });
    await fixture.logged('ready');
    fixture.signal('SIGTERM');
    await fixture.logged('step drain');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 143, signal: null });
    expect(fixture.messages.at(-1)).toBe('forced to stop by a second signal');
  });

  test('a Ctrl-C that a supervisor follows up with SIGTERM counts once', async () => {
    const fixture = start({ slow: 'drain', slowMs: 100 });
    await fixture.logged('ready');
    fixture.signal('SIGINT');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 0, signal: null });
  });

  test('past its deadline it says what it waited for and ends with exit code 1', async () => {
    const fixture = start({ slow: 'drain', shutdownTimeoutMs: 100 });
    await fixture.logged('ready');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(await fixture.logged('shutdown deadline passed')).toMatchObject({ level: 'error', step: 'drain' });
  });

  test('a step that fails does not keep the others from running; exit code 1', async () => {
    const fixture = start({ fails: 'stopIntake' });
    await fixture.logged('ready');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.steps).toEqual(['prepare', 'start', 'stopIntake', 'drain', 'close']);
    expect(await fixture.logged('shutdown step failed')).toMatchObject({ step: 'stop intake' });
  });

  test('SIGHUP changes nothing, ends nothing, and says so', async () => {
    const fixture = start();
    const main = await fixture.url('main');
    fixture.signal('SIGHUP');
    expect(await fixture.logged(SIGHUP_LINE)).toMatchObject({ level: 'warn' });
    expect(await ask(main)).toMatchObject({ status: 200 });
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 0, signal: null });
  });

  test('what it finds to be its end is told as one plain line, and stops it in order; exit code 1', async () => {
    const fixture = start();
    const main = await fixture.url('main');
    expect(await ask(`${main}/fail`)).toMatchObject({ status: 200 });
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.stderr).toBe('fixture: the store is another one: do this\n');
    expect(fixture.steps).toEqual(['prepare', 'start', 'stopIntake', 'drain', 'close']);
    expect(await fixture.logged('cannot go on')).toMatchObject({ level: 'error' });
  });

  test('a signal during start-up stops it in order, too', async () => {
    const fixture = start({ slow: 'prepare' });
    await fixture.logged('step prepare');
    fixture.signal('SIGTERM');
    expect(await fixture.exit).toEqual({ code: 0, signal: null });
    expect(fixture.steps).toEqual(['prepare', 'close']);
    expect(fixture.stderr).toBe('');
  });
});

describe('fatal errors', () => {
  test.each([
    ['/throw', 'fatal: uncaught exception', 'thrown in a callback'],
    ['/reject', 'fatal: unhandled rejection', 'rejected by nobody'],
  ])('%s: logged with its stack, exit code 1', async (path, message, error) => {
    const fixture = start();
    const main = await fixture.url('main');
    await ask(`${main}${path}`).catch(() => {});
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.records.at(-1)).toMatchObject({
      level: 'error',
      message,
      error: { message: error, stack: expect.stringContaining('fixture-service.mjs') },
    });
  });

  test('nobody reads its log any more: it ends rather than run unseen', async () => {
    const fixture = start();
    const main = await fixture.url('main');
    fixture.closeStdout();
    await ask(`${main}/slow`).catch(() => {});
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
  });
});

describe('start-up faults', () => {
  test('a taken port: one plain line that says what to do, everything closed again, exit code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const fixture = start({ port });
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.stderr).toBe(
      `fixture: main: port ${port} on 127.0.0.1 is taken: stop the process that uses it, or set X_PORT to a free one\n`,
    );
    expect(fixture.steps).toEqual(['prepare', 'close']);
    other.close();
  });

  test('a dependency that is not fit: one plain line, nothing listened', async () => {
    const fixture = start({ refuses: true });
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.stderr).toBe('fixture: redis is not fit: do this\n');
    expect(fixture.messages).not.toContain('listening');
    expect(fixture.steps).toEqual(['prepare', 'close']);
  });

  test('the fault is told before anything is closed, however long that takes', async () => {
    const fixture = start({ refuses: true, slow: 'close' });
    expect(await fixture.told()).toBe('fixture: redis is not fit: do this\n');
    await fixture.logged('step close');
  });

  test('a bad configuration: one line for each fault', async () => {
    const fixture = start({ composeFault: 'operator' });
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.stderr).toBe('fixture: first fault\nfixture: second fault\n');
  });

  test('a defect: with its stack', async () => {
    const fixture = start({ composeFault: 'defect' });
    expect(await fixture.exit).toEqual({ code: 1, signal: null });
    expect(fixture.stderr).toMatch(
      /^fixture: cannot start: TypeError: a defect\nfixture: {5}at .*fixture-service\.mjs/,
    );
  });
});
