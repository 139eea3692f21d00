import type { InstanceView } from '@aegis/ec2';
import type { BootingRelay, InstanceObservation } from '@aegis/relays';
import type { JobContext } from '../job-context.js';

/**
 * Looks at every booting relay's instance with one listing: learns addresses, activates what is ready, closes what
 * died. An instance that EC2 does not show yet proves nothing; the boot time-out (relay_expiry) ends what never comes.
 */
export async function relayBootWatch(context: JobContext): Promise<void> {
  const booting = await gather(context);
  if (booting.length === 0) return;
  context.bootWatchPacer.called();
  const intents = [...new Set(booting.map((relay) => relay.intentId))];
  const instances = await context.cloud.describeByIntents(context.region.name, context.config.deploymentId, intents);
  const byId = new Map(instances.map((instance) => [instance.instanceId, instance]));
  const observations = booting.flatMap((relay) => {
    const instance = byId.get(relay.instanceId);
    return instance ? [observationOf(relay.relayId, instance)] : [];
  });
  const moves = await context.store.observe(context.fence, observations, context.now());
  context.recordMoves(moves);
  if (moves.some((move) => move.to === 'terminating')) await context.trigger('relay_terminate');
}

/** All that boot; when hundreds check in one after the other, with those that do so in a moment. */
async function gather(context: JobContext): Promise<BootingRelay[]> {
  const wait = context.bootWatchPacer.delay();
  if (wait > 0) await context.sleep(wait);
  return context.store.booting(context.region.name);
}

/** What an instance's state means for its relay. */
export function observationOf(relayId: string, instance: InstanceView): InstanceObservation {
  return {
    relayId,
    instanceId: instance.instanceId,
    seen: seenState(instance.state),
    address: instance.address,
    note: instance.stateReason ?? instance.state,
  };
}

function seenState(state: InstanceView['state']): InstanceObservation['seen'] {
  switch (state) {
    case 'running':
    case 'pending':
      return state;
    case 'terminated':
      return 'gone';
    case 'shutting-down':
      return 'ending';
    // Serves nobody and never starts again, but its disks bill: it must be terminated.
    case 'stopping':
    case 'stopped':
      return 'stopped';
  }
}
