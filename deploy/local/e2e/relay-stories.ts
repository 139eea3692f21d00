import type { LedgerEntry } from '@aegis/ec2-sim';
import { callApi } from './api-call.js';
import { Tally } from './exposition.js';
import type { RelayAnswer } from './relay-client.js';

export interface RelayEventAnswer {
  from: string | null;
  to: string;
  reason: string | null;
  attempt: number | null;
}

export interface RelayStory {
  relay: RelayAnswer;
  events: RelayEventAnswer[];
}

const ON_THE_WAY = new Set(['pending', 'launching', 'booting']);

/** How a relay's provision ended, by its own events; null while it goes on. */
function provisionStatus({ relay, events }: RelayStory): 'ok' | 'error' | 'cancelled' | null {
  const end = events.find(({ to }) => !ON_THE_WAY.has(to));
  if (end === undefined) return null;
  if (end.to === 'active') return 'ok';
  return relay.reason === 'requested' ? 'cancelled' : 'error';
}

/**
 * What the metrics of relays must say: provisions by the relays' own events, deprovisions by what EC2's ledger says of
 * their instances. `ok` is an instance that ended because we asked EC2 to, `ignored` one that ended otherwise.
 */
export function expectedRelayCounters(stories: readonly RelayStory[], ledger: readonly LedgerEntry[]): Tally {
  const tally = new Tally();
  const ends = new Map(ledger.filter(({ event }) => event === 'shutting-down').map((end) => [end.instanceId, end]));
  for (const each of ledger)
    if (each.event === 'terminated' && !ends.has(each.instanceId)) ends.set(each.instanceId, each);
  for (const story of stories) {
    const { region, instanceId, reason, state } = story.relay;
    const place = { provider: 'ec2', region };
    const status = provisionStatus(story);
    if (status !== null) {
      tally.add('aegis_relay_provision_total', { ...place, status });
      tally.add('aegis_relay_provision_latency_ms_count', { ...place, status });
    }
    const refused = story.events.filter(
      ({ from, to, attempt }) => from === to && to === 'terminating' && attempt !== null,
    );
    for (const family of ['aegis_relay_deprovision_total', 'aegis_relay_deprovision_latency_ms_count']) {
      tally.add(family, { ...place, status: 'error' }, refused.length);
    }
    const end = ends.get(instanceId ?? '');
    if (end !== undefined) {
      const how = end.cause === 'api' ? 'ok' : 'ignored';
      tally.add('aegis_relay_deprovision_total', { ...place, status: how });
      tally.add('aegis_relay_deprovision_latency_ms_count', { ...place, status: how });
    }
    if (state !== 'active') tally.add('aegis_relays_ended_total', { region, reason: reason ?? 'none' });
  }
  return tally;
}

export async function readStory(apiUrl: string, id: string): Promise<RelayStory> {
  const url = `${apiUrl}/api/v1/relays/${id}`;
  const { body: relay } = await callApi<RelayAnswer>(url);
  const { body } = await callApi<{ events: RelayEventAnswer[] }>(`${url}/events`);
  return { relay, events: body.events };
}
