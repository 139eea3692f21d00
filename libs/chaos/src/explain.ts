import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ChaosWorld } from './chaos-world.js';
import { describeFault } from './fault.js';
import type { Finding } from './judge-survey.js';
import type { RoundPlan } from './plan-round.js';

const LOGS = ['api-1', 'api-2', 'jobs-1', 'jobs-2'];
const MAX_LOG_LINES = 40;

/** What is needed to understand a finding: the client's view, the relay's story, the cloud's, the logs. */
export async function explain(finding: Finding, plan: RoundPlan, world: ChaosWorld): Promise<string> {
  const { what, relayId, instanceId, why } = finding;
  const entry = world.book.ofRelay(relayId);
  const instances = [...new Set([...world.history.launchedFor(relayId), ...(instanceId === null ? [] : [instanceId])])];
  const ledger = await Promise.all(instances.map((id) => world.sim.ledger({ instanceId: id })));
  const records = ledger.flatMap((page) => page.records);
  const stories = [...world.clients].map(async ([tenant, client]) => ({
    tenant,
    relay: await client.get(relayId),
    events: await client.events(relayId),
  }));
  return [
    `round ${plan.round}: ${what}: relay ${relayId}, instance ${instanceId}: ${why}`,
    `  faults: ${plan.quietFlush ? 'quiet FLUSHALL; ' : ''}${plan.faults.map(describeFault).join('; ')}`,
    `  client: ${JSON.stringify(entry)}`,
    ...(await Promise.all(stories)).map((story) => `  api: ${JSON.stringify(story)}`),
    ...records.map(({ tags: _tags, ...record }) => `  ledger: ${JSON.stringify(record)}`),
    `  flushes: ${JSON.stringify(world.flushes.slice(-3))}`,
    ...(await logLines(world, [relayId, ...instances, ...records.map((record) => record.clientToken ?? relayId)])),
  ].join('\n');
}

async function logLines(world: ChaosWorld, words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of LOGS) {
    for await (const line of createInterface(createReadStream(world.logFile(name)))) {
      if (words.some((word) => line.includes(word))) found.push(`  ${name}: ${line}`);
    }
  }
  return found.slice(-MAX_LOG_LINES);
}
