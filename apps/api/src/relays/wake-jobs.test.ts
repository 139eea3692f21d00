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

const logger = createLogger({ level: 'error', app: 'api' });

test('the first trigger leaves at once; those that come meanwhile share one that follows it', async () => {
  const { sent, open, send, settled } = heldSends();
  const wake = createWakeJobs({ send, logger });
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
  const wake = createWakeJobs({ send, logger });
  wake('relay_launch', 'us-east-1');
  wake('relay_launch', 'eu-west-1');
  wake('relay_terminate', 'us-east-1');
  expect(sent).toEqual(['relay_launch:us-east-1', 'relay_launch:eu-west-1', 'relay_terminate:us-east-1']);
});

test('a failed trigger is nobody’s failure, and the one that follows is sent all the same', async () => {
  const { sent, open, send, settled } = heldSends();
  const wake = createWakeJobs({ send, logger });
  wake('relay_launch', 'us-east-1');
  wake('relay_launch', 'us-east-1');
  open[0]?.reject(new Error('redis is away'));
  await settled();
  expect(sent).toHaveLength(2);
});

test('who asks in the very moment in which a trigger is done gets one of its own', async () => {
  for (let microtasks = 0; microtasks < 6; microtasks++) {
    const { sent, open, send, settled } = heldSends();
    const wake = createWakeJobs({ send, logger });
    wake('relay_launch', 'us-east-1');
    open[0]?.resolve();
    for (let i = 0; i < microtasks; i++) await null;
    wake('relay_launch', 'us-east-1');
    await settled();
    expect([microtasks, sent.length]).toEqual([microtasks, 2]);
  }
});
