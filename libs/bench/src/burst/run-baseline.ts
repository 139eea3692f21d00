import { setTimeout as delay } from 'node:timers/promises';
import { createSimControl } from '@aegis/ec2-sim';
import {
  EC2Client,
  EC2ServiceException,
  RunInstancesCommand,
  TerminateInstancesCommand,
  waitUntilInstanceRunning,
} from '@aws-sdk/client-ec2';
import { ONE_INSTANCE } from '../simulated-catalogue.js';
import { callsSince, readEc2Calls } from './ec2-calls.js';
import { type Side, secondsSince } from './side.js';

/** One the product's stack does not use, so that its buckets and counts are the baseline's alone. */
const REGION = 'us-west-2';
/**
 * When the SDK's own retries are used up, the relay's workflow starts over after this long, as a job queue would have it.
 * Short and without growth, in the baseline's favour: the bucket never gets to hold an unused token.
 */
const RETRY_MS = { least: 1_000, most: 2_000 };
/** Far shorter than the SDK waiter's own 15 s, again in the baseline's favour. */
const WAITER = { minDelay: 1, maxDelay: 5, maxWaitTime: 900 };
const POLL_MS = 200;

async function untilAccepted<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof EC2ServiceException) || error.name !== 'RequestLimitExceeded') throw error;
      await delay(RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least));
    }
  }
}

async function launchOne(client: EC2Client): Promise<string> {
  const launched = await untilAccepted(() => client.send(new RunInstancesCommand(ONE_INSTANCE)));
  const id = launched.Instances?.[0]?.InstanceId;
  if (id === undefined) throw new Error('RunInstances answered without an instance');
  await waitUntilInstanceRunning({ client, ...WAITER }, { InstanceIds: [id] });
  return id;
}

/**
 * What most systems of this kind do: one workflow per relay, all of them at once. One RunInstances each, the SDK's own
 * waiter each, one TerminateInstances each; the SDK's standard retries, nothing shared between relays.
 */
export async function runBaseline(simUrl: string, relays: number): Promise<Side> {
  const sim = createSimControl(simUrl);
  const client = new EC2Client({
    region: REGION,
    endpoint: simUrl,
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    retryMode: 'standard',
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 64 } },
  });
  const live = async () => {
    const { counts } = (await sim.state({ region: REGION, instances: false })).regions[REGION] ?? {};
    return relays - (counts?.terminated ?? 0);
  };
  try {
    const before = await readEc2Calls(sim, REGION);
    const askedAt = performance.now();
    const ids = await Promise.all(Array.from({ length: relays }, () => launchOne(client)));
    const activeSeconds = secondsSince(askedAt);

    const endedAt = performance.now();
    await Promise.all(
      ids.map((id) => untilAccepted(() => client.send(new TerminateInstancesCommand({ InstanceIds: [id] })))),
    );
    while ((await live()) > 0) await delay(POLL_MS);
    const goneSeconds = secondsSince(endedAt);
    return { relays, activeSeconds, goneSeconds, calls: callsSince(await readEc2Calls(sim, REGION), before) };
  } finally {
    client.destroy();
  }
}
