import { type InstanceState, type InstanceView, TAG_KEYS } from '@aegis/ec2';
import type { ListedInstance } from '@aegis/relays';
import type { JobContext } from '../job-context.js';

/** One instance of a listing, small enough to hold a hundred thousand of them. */
export interface SweptInstance extends ListedInstance {
  protected: boolean;
}

export interface Listing {
  startedAt: number;
  instances: SweptInstance[];
  /** How many of them are live: neither terminated nor on their way there. */
  live: number;
}

const PRESENT: readonly InstanceState[] = ['pending', 'running', 'stopping', 'stopped', 'shutting-down'];

/** Every page or nothing: rejects when any page fails, so that a partial listing is never acted upon. */
export async function listDeployment(context: JobContext, withTerminated: boolean): Promise<Listing> {
  const startedAt = context.now();
  const states = withTerminated ? [...PRESENT, 'terminated' as const] : PRESENT;
  const instances: SweptInstance[] = [];
  let live = 0;
  const pages = context.cloud.deploymentPages(context.region.name, context.config.deploymentId, { states });
  for await (const page of pages) {
    for (const view of page) {
      const instance = swept(view);
      instances.push(instance);
      if (instance.serves) live += 1;
    }
  }
  return { startedAt, instances, live };
}

function swept(view: InstanceView): SweptInstance {
  return {
    instanceId: view.instanceId,
    relay: view.relay ? { suffix: view.relay.shortId, tenant: view.relay.tenant } : null,
    intentId: view.intentId,
    instanceType: view.instanceType ?? '',
    serves: view.state !== 'shutting-down' && view.state !== 'terminated',
    launchedAt: view.launchTime,
    protected: view.tags[TAG_KEYS.protected] !== undefined,
  };
}
