import { EC2_OPERATIONS, type Ec2Operation, type Spending } from '@aegis/ec2';
import { type RedisClient, regionPrefix } from '@aegis/relays';

/** EC2's throttle buckets belong to the account: what one replica takes from them is missing for the others. */
export interface SharedSpending {
  /** Tells the other replicas, without waiting. What is lost they learn from EC2, by being throttled. */
  tell(region: string, spending: Spending): void;
  /** Begins to hear the others, now or once Redis is there. */
  start(): void;
}

export interface SharedSpendingOptions {
  publisher: Pick<RedisClient, 'publish'>;
  /** Of this alone: a connection that subscribes can do little else. */
  subscriber: RedisClient;
  regions: readonly string[];
  /** Tells this process's messages from the others'. */
  self: string;
  /** Books what another replica took. */
  note(region: string, spending: Spending): void;
}

export function createSharedSpending(options: SharedSpendingOptions): SharedSpending {
  const { publisher, subscriber, regions, self, note } = options;
  const regionOf = new Map(regions.map((region) => [channelOf(region), region]));
  subscriber.on('message', (channel: string, message: string) => {
    const region = regionOf.get(channel);
    const heard = parse(message);
    if (region !== undefined && heard !== null && heard.from !== self) note(region, heard.spending);
  });
  const subscribe = (): void => {
    // A connection that breaks again meanwhile becomes ready again.
    subscriber.subscribe(...regionOf.keys()).catch(() => {});
  };
  return {
    tell(region, spending) {
      publisher.publish(channelOf(region), format(self, spending)).catch(() => {});
    },
    start() {
      subscriber.on('ready', subscribe);
      if (subscriber.status === 'ready') subscribe();
    },
  };
}

function channelOf(region: string): string {
  return `${regionPrefix(region)}:spending`;
}

function format(from: string, { op, requests, instances, drained }: Spending): string {
  return [from, op, requests, instances, drained ? 1 : 0].join(' ');
}

/** Null for what a process of another version may say. */
function parse(message: string): { from: string; spending: Spending } | null {
  const [from, op, ...numbers] = message.split(' ');
  const [requests, instances, drained] = numbers.map(Number);
  if (from === undefined || !isOperation(op)) return null;
  if (!Number.isSafeInteger(requests) || !Number.isSafeInteger(instances)) return null;
  return {
    from,
    spending: { op, requests: requests as number, instances: instances as number, drained: drained === 1 },
  };
}

function isOperation(op: string | undefined): op is Ec2Operation {
  return EC2_OPERATIONS.some((known) => known === op);
}
