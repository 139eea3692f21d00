import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { createLogger, type Logger, type LogLevel } from './logger.js';

const NOW = new Date('2026-01-02T03:04:05.678Z');

function capture(level: LogLevel = 'debug'): {
  logger: Logger;
  records: () => Record<string, unknown>[];
  text: () => string;
} {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return {
    logger: createLogger({ level, app: 'api', stream, now: () => NOW }),
    text: () => text,
    records: () =>
      text
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}

describe('records', () => {
  test('are JSON, one a line, with time, level, app and message first', () => {
    const { logger, text } = capture();
    logger.info('relay active', { relayId: 'rly_1', took: 12 });
    logger.warn('second\nline');
    expect(text()).toBe(
      '{"timestamp":"2026-01-02T03:04:05.678Z","level":"info","app":"api","message":"relay active","relayId":"rly_1","took":12}\n' +
        '{"timestamp":"2026-01-02T03:04:05.678Z","level":"warn","app":"api","message":"second\\nline"}\n',
    );
  });

  test.each<[LogLevel, LogLevel[]]>([
    ['error', ['error']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ])('at level %s only %s are written', (level, written) => {
    const { logger, records } = capture(level);
    for (const each of ['error', 'warn', 'info', 'debug'] as const) {
      logger[each]('x');
      expect(logger.enabled(each)).toBe(written.includes(each));
    }
    expect(records().map((record) => record.level)).toEqual(written);
  });

  test('of a child carry its context and that of its parents; the nearest wins', () => {
    const { logger, records } = capture();
    const request = logger.child({ requestId: 'r1', relayId: 'none' });
    request.child({ relayId: 'rly_1' }).info('x', { job: 'relay_launch' });
    request.info('y');
    expect(records()).toMatchObject([
      { requestId: 'r1', relayId: 'rly_1', job: 'relay_launch' },
      { requestId: 'r1', relayId: 'none' },
    ]);
    expect(records()[1]).not.toHaveProperty('job');
  });

  test('keep their own time, level, app and message when a field has such a name', () => {
    const { logger, records } = capture();
    logger.info('real', { message: 'fake', level: 'debug', timestamp: 0, app: 'x' });
    expect(records()[0]).toMatchObject({
      message: 'real',
      level: 'info',
      app: 'api',
      message_: 'fake',
      level_: 'debug',
    });
  });

  test('have left the process when flush resolves', async () => {
    const { logger, records } = capture();
    logger.info('x');
    await logger.flush();
    expect(records()).toHaveLength(1);
  });
});

describe('errors', () => {
  const failure = Object.assign(new Error('boom', { cause: new TypeError('root') }), {
    code: 'ECONNREFUSED',
    secretThing: 'x',
  });

  test('carry name, message, code, stack and causes at error level', () => {
    const { logger, records } = capture();
    logger.error('failed', { error: failure });
    expect(records()[0]?.error).toEqual({
      name: 'Error',
      message: 'boom',
      code: 'ECONNREFUSED',
      stack: expect.stringContaining('logger.test.ts'),
      cause: { name: 'TypeError', message: 'root', stack: expect.stringContaining('logger.test.ts') },
    });
  });

  test('carry no stack below error level', () => {
    const { logger, records } = capture();
    logger.warn('failed', { error: failure });
    expect(records()[0]?.error).toEqual({
      name: 'Error',
      message: 'boom',
      code: 'ECONNREFUSED',
      cause: { name: 'TypeError', message: 'root' },
    });
  });

  test('of several parts list them all', () => {
    const { logger, records } = capture();
    logger.warn('failed', { error: new AggregateError([new Error('a'), 'b'], 'both') });
    expect(records()[0]?.error).toMatchObject({ message: 'both', errors: [{ message: 'a' }, 'b'] });
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2hunter2';

  test.each([
    'authorization',
    'Authorization',
    'cookie',
    'set-cookie',
    'secret',
    'sessionSecret',
    'launchToken',
    'bearer_token',
    'password',
    'PASSWORD',
    'apiKey',
    'api_key',
    'x-api-key',
    'secretAccessKey',
    'AWS_SECRET_ACCESS_KEY',
    'privateKey',
    'credentials',
    'userData',
  ])('under the key %s never appear, however deep', (key) => {
    const { logger, text, records } = capture();
    logger.info('x', { [key]: SECRET, deep: [{ in: { [key]: { value: SECRET } } }], map: new Map([[key, SECRET]]) });
    logger.child({ [key]: SECRET }).error('y');
    expect(text()).not.toContain(SECRET);
    expect(records()[0]?.[key]).toBe('[redacted]');
  });

  test.each([
    ['Authorization: Bearer hunter2hunter2'],
    ['basic aHVudGVyMmh1bnRlcjI='],
    ['token lt_int_use1_0123456789abcdef_hunter2hunter2 refused'],
    ['rs_i-0123456789abcdef0_hunter2hunter2'],
    ['redis://aegis:hunter2hunter2@redis:6379/0 refused'],
    ['connect rediss://:hunter2hunter2@redis'],
    ['https://user:p%40hunter2hunter2@host/path?x=1'],
    ['{"launchToken":"hunter2hunter2","a":1}'],
    ['{"password": "with \\"quotes\\" hunter2hunter2"}'],
    ['GET /x?api_key=hunter2hunter2&b=1'],
    ['AWS_SECRET_ACCESS_KEY=hunter2hunter2'],
  ])('inside the text "%s" never appear', (secretText) => {
    const { logger, text } = capture();
    logger.error(secretText, {
      text: secretText,
      list: [secretText],
      error: new Error(secretText, { cause: new Error(secretText) }),
    });
    expect(text()).not.toMatch(/hunter2|aHVudGVy/);
    expect(text()).toContain('[redacted]');
  });

  test('cut in two by the limit of a text never appear', () => {
    const { logger, text } = capture();
    logger.info('x', { body: `${' '.repeat(8160)}{"password":"hunter2hunter2hunter2"}` });
    expect(text()).not.toContain('hunter2');
  });

  test('hide nothing else: ids, EC2 client tokens, hosts and flags stay readable', () => {
    const { logger, records } = capture();
    const fields = {
      clientToken: 'int_use1_0123456789abcdef',
      relayId: 'rly_use1_0123456789abcdef',
      url: 'redis://redis:6379/0',
      hasPassword: true,
      apiKey: null,
      note: 'the bearer of this, rs_ and lt_ alone, a token bucket',
    };
    logger.info('x', fields);
    expect(records()[0]).toMatchObject(fields);
  });

  test('hung on an error by a vendor are left out', () => {
    const { logger, text } = capture();
    logger.error('x', { error: Object.assign(new Error('ERR'), { command: { name: 'auth', args: [SECRET] } }) });
    expect(text()).not.toContain(SECRET);
  });
});

describe('anything can be logged', () => {
  const circular: Record<string, unknown> = { name: 'a' };
  circular.self = circular;
  circular.list = [circular];
  const hostile = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error('no');
      },
    },
  );
  let deep: unknown = 'bottom';
  for (let i = 0; i < 1000; i += 1) deep = { deep };

  test.each<[string, unknown, unknown]>([
    ['circular data', circular, { name: 'a', self: '[circular]', list: ['[circular]'] }],
    ['a bigint', 10n ** 20n, '100000000000000000000'],
    ['not a number', Number.NaN, 'NaN'],
    ['a symbol', Symbol('x'), '[symbol]'],
    ['a function', () => 1, '[function]'],
    ['a date', NOW, NOW.toISOString()],
    ['an invalid date', new Date('x'), '[invalid date]'],
    ['bytes', Buffer.from('secret bytes'), '[12 bytes]'],
    ['a map', new Map<unknown, unknown>([[1, 'a']]), { '1': 'a' }],
    ['a set', new Set(['a']), ['a']],
    ['a URL', new URL('redis://u:p@h'), 'redis://u:[redacted]@h'],
    ['a proxy that throws', hostile, '[unreadable]'],
    [
      'a getter that throws',
      {
        a: 1,
        get b() {
          throw new Error('no');
        },
      },
      { a: 1, b: '[unreadable]' },
    ],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['null', null, null],
  ])('%s', (_name, value, expected) => {
    const { logger, records } = capture();
    logger.info('x', { value });
    expect(records()[0]?.value).toEqual(expected);
  });

  test('a record stays small: depth, entries and text are bounded', () => {
    const { logger, text } = capture();
    logger.error('x', { deep, list: Array(10_000).fill('entry'), text: 'y'.repeat(1_000_000) });
    expect(text().length).toBeLessThan(20_000);
    expect(text()).toContain('[9900 more]');
    expect(text()).toContain('[1000000 characters]');
  });

  test('fields that throw when they are read do not stop the record', () => {
    const { logger, records } = capture();
    logger.info('still here', hostile as Record<string, unknown>);
    expect(records()[0]).toMatchObject({ message: 'still here', fields: '[unreadable]' });
  });
});
