import { createLogger } from '@aegis/logging';
import { expect, test } from '@jest/globals';
import { createWakeJobs } from './wake-jobs.js';

/** Sends that end when the test says so. */
function heldSends() {
  const sent: string[] = [];
  const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const send = (job: string, region: string): Promise<void> => {
    sent.push(`${job}:${region}`);
    return new Promise((resolve, reject) => open.push({ resolve, reject }));
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { sent, open, send, settled };
}

/** Time that only passes in sleeps, each of which ends when the test lets it. */
function heldTime() {
  let time = 1_000;
  const sleeping: { ms: number; wake: () => void }[] = [];
  return {
    sleeping,
    pass: (ms: number) => {
      time += ms;
    },
    now: () => time,
    sleep: (ms: number) =>
      new Promise<void>((resolve) => {
        const wake = () => {
          time += ms;
          resolve();
        };
        sleeping.push({ ms, wake });
      }),
  };
}

/** However fast triggers follow each other, it is late enough for the next. */
const noSpacing = () => {
  let time = 0;
  return {
    now: () => {
      time += 1_000;
      return time;
    },
  };
};

const logger = createLogger({ level: 'error', app: 'api' });

test('the first trigger leaves at once; those that come meanwhile share one that follows it', async () => {
  const { sent, open, send, settled } = heldSends();
  const wake = createWakeJobs({ send, logger, ...noSpacing() });
  for (let i = 0; i < 50; i++) wake('relay_launch', 'us-east-1');
  expect(sent).toHaveLength(1);
  open[0]?.resolve();
  await settled();
  expect(sent).toHaveLength(2);
  open[1]?.resolve();
  await settled();
  expect(sent).toHaveLength(2);
  wake('relay_launch', 'us-east-1');
  expect(sent).toHaveLength(3);
});

test('jobs and regions do not wait for each other', () => {
  const { sent, send } = heldSends();
  const wake = createWakeJobs({ send, logger, ...noSpacing() });
  wake('relay_launch', 'us-east-1');
  wake('relay_launch', 'eu-west-1');
  wake('relay_terminate', 'us-east-1');
  expect(sent).toEqual(['relay_launch:us-east-1', 'relay_launch:eu-west-1', 'relay_terminate:us-east-1']);
});

test('a failed trigger is nobody’s failure, and the one that follows is sent all the same', async () => {
  const { sent, open, send, settled } = heldSends();
  const wake = createWakeJobs({ send, logger, ...noSpacing() });
  wake('relay_launch', 'us-east-1');
  wake('relay_launch', 'us-east-1');
  open[0]?.reject(new Error('redis is away'));
  await settled();
  expect(sent).toHaveLength(2);
});

test('who asks in the very moment in which a trigger is done gets one of its own', async () => {
  for (let microtasks = 0; microtasks < 6; microtasks++) {
    const { sent, open, send, settled } = heldSends();
    const wake = createWakeJobs({ send, logger, ...noSpacing() });
    wake('relay_launch', 'us-east-1');
    open[0]?.resolve();
    for (let i = 0; i < microtasks; i++) await null;
    wake('relay_launch', 'us-east-1');
    await settled();
    expect([microtasks, sent.length]).toEqual([microtasks, 2]);
  }
});

test.each([
  ['relay_launch', 10],
  ['relay_terminate', 10],
  ['warm_pool', 100],
] as const)(
  'between two triggers of %s there are at least %i ms, and all who ask meanwhile share the next',
  async (job, spacing) => {
    const { sent, open, send, settled } = heldSends();
    const time = heldTime();
    const wake = createWakeJobs({ send, logger, ...time });
    wake(job, 'us-east-1');
    expect(sent).toHaveLength(1);
    open[0]?.resolve();
    await settled();
    time.pass(4);
    for (let i = 0; i < 20; i++) wake(job, 'us-east-1');
    await settled();
    expect(sent).toHaveLength(1);
    expect(time.sleeping.map(({ ms }) => ms)).toEqual([spacing - 4]);
    time.sleeping[0]?.wake();
    await settled();
    expect(sent).toHaveLength(2);
    open[1]?.resolve();
    await settled();
    // At rest the next one leaves at once again.
    time.pass(spacing);
    wake(job, 'us-east-1');
    expect(sent).toHaveLength(3);
    expect(time.sleeping).toHaveLength(1);
  },
);
