import { EventEmitter, once } from 'node:events';
import { Writable } from 'node:stream';
import { createLogger } from '@aegis/logging';
import { afterEach, expect, test } from '@jest/globals';
import { createSchemaKeeper, type SchemaKeeper, type SchemaKeeperOptions } from './schema-keeper.js';
import { StartupError } from './startup-error.js';

type Changes = Awaited<ReturnType<SchemaKeeperOptions['schema']['ensure']>>;

const logged: string[] = [];
const logger = createLogger({
  level: 'info',
  app: 'test',
  stream: new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk));
      done();
    },
  }),
});

let keeper: SchemaKeeper;
afterEach(() => keeper.stop());

/** A keeper over a store that answers these in turn, and the last one for ever. */
function keep(...answers: (Changes | Error)[]) {
  const redis = new EventEmitter();
  let asked = 0;
  const ensure = async (): Promise<Changes> => {
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  keeper = createSchemaKeeper({
    schema: { version: 2, ensure },
    redis: redis as unknown as SchemaKeeperOptions['redis'],
    logger,
    intervalMs: 60_000,
  });
  return { redis, asked: () => asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a start waits out a late answer, and says what it did to the store', async () => {
  const { asked } = keep(new Error('Command timed out'), [
    { region: 'us-east-1', from: 1, to: 2 },
    { region: null, from: null, to: 2 },
  ]);
  await keeper.prepare();
  expect(asked()).toBe(2);
  expect(logged.join('')).toMatch(/store migrated.*"region":"us-east-1","from":1,"version":2/);
  expect(logged.join('')).toMatch(/store is new.*"region":"deployment","version":2/);
});

test('a start refuses at once what is no matter of patience', async () => {
  const { asked } = keep(new StartupError('too new'));
  await expect(keeper.prepare()).rejects.toThrow('too new');
  expect(asked()).toBe(1);
});

test('looks again whenever Redis is back; what passes is tried again, what does not is the end', async () => {
  const { redis, asked } = keep([], new Error('Connection is closed.'), [], new StartupError('too new'));
  keeper.start();
  for (let times = 1; times <= 3; times += 1) {
    redis.emit('ready');
    await settled();
    expect({ asked: asked(), failed: keeper.failed.aborted }).toEqual({ asked: times, failed: false });
  }
  const failed = once(keeper.failed, 'abort');
  redis.emit('ready');
  await failed;
  expect(keeper.failed.reason).toMatchObject({ message: 'too new' });
  redis.emit('ready');
  await settled();
  expect(asked()).toBe(4);
});

test('looks now and then, too, and not after it was stopped', async () => {
  const { redis, asked } = keep([]);
  keeper.start();
  keeper.stop();
  redis.emit('ready');
  await settled();
  expect(asked()).toBe(0);
});
