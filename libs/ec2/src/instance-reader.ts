import { DescribeInstancesCommand, type Filter } from '@aws-sdk/client-ec2';
import type { InstanceReader, InstanceView } from './cloud-provider.js';
import { MAX_BATCH, TAG_KEYS } from './launch-tags.js';
import type { RegionClient } from './region-client.js';
import { slices } from './slices.js';
import { callForInstances } from './take-instances.js';

/** EC2 takes this many values in one filter. */
const MAX_FILTER_VALUES = 200;

export interface ReaderOptions {
  /** Instances asked for at once, 5 to 1000. */
  pageSize: number;
}

export function createInstanceReader(
  clientOf: (region: string) => RegionClient,
  { pageSize }: ReaderOptions,
): InstanceReader {
  const pages = (region: string, filters: Filter[], signal?: AbortSignal) =>
    describePages({ client: clientOf(region), filters, pageSize, signal });

  /** One listing per slice of the values, since ids by `instance-id` filter, unlike by parameter, may be unknown. */
  async function listByValues(
    region: string,
    name: string,
    values: readonly string[],
    options: { fixed?: Filter[]; signal?: AbortSignal | undefined },
  ): Promise<InstanceView[]> {
    const found: InstanceView[] = [];
    for (const some of slices([...new Set(values)], MAX_FILTER_VALUES)) {
      const filters = [...(options.fixed ?? []), { Name: name, Values: some }];
      for await (const page of pages(region, filters, options.signal)) found.push(...page);
    }
    return found;
  }

  const reader: InstanceReader = {
    deploymentPages(region, deploymentId, { states, signal } = {}) {
      const filters = [deploymentFilter(deploymentId)];
      if (states !== undefined) filters.push({ Name: 'instance-state-name', Values: [...states] });
      return pages(region, filters, signal);
    },

    async listDeploymentInstances(region, deploymentId, options) {
      const found: InstanceView[] = [];
      for await (const page of reader.deploymentPages(region, deploymentId, options)) found.push(...page);
      return found;
    },

    describeByIntents(region, deploymentId, intentIds, { signal } = {}) {
      const fixed = [deploymentFilter(deploymentId)];
      return listByValues(region, `tag:${TAG_KEYS.intent}`, intentIds, { fixed, signal });
    },

    describeByIds(region, instanceIds, { signal } = {}) {
      return listByValues(region, 'instance-id', instanceIds, { signal });
    },

    async describeLaunched(region, deploymentId, launched, options) {
      const ids = new Set(launched.map(({ instanceId }) => instanceId));
      const intents = [...new Set(launched.flatMap(({ intentId }) => intentId ?? []))];
      const found: InstanceView[] = [];
      const callsFor = (values: number) => Math.ceil(values / MAX_FILTER_VALUES);
      const callsByIds = callsFor(ids.size);
      // At worst, each of the launches was of the most instances there can be.
      const listed = Math.max(callsFor(intents.length), Math.ceil((intents.length * MAX_BATCH) / pageSize));
      const callsByIntents = listed + callsFor(launched.filter(({ intentId }) => intentId === null).length);
      if (callsByIds > 1 && intents.length > 0 && callsByIntents <= callsByIds) {
        const instances = await reader.describeByIntents(region, deploymentId, intents, options);
        for (const instance of instances) if (ids.delete(instance.instanceId)) found.push(instance);
      }
      return [...found, ...(await reader.describeByIds(region, [...ids], options))];
    },
  };
  return reader;
}

async function* describePages(listing: {
  client: RegionClient;
  filters: Filter[];
  pageSize: number;
  signal?: AbortSignal | undefined;
}): AsyncGenerator<InstanceView[], void, undefined> {
  const { client, filters, pageSize, signal } = listing;
  let token: string | undefined;
  do {
    const command = new DescribeInstancesCommand({
      Filters: filters,
      MaxResults: pageSize,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const { instances, output } = await callForInstances(client, { op: 'describe_instances', command, signal });
    yield instances;
    // The last page's token is missing or empty.
    token = output.NextToken || undefined;
  } while (token !== undefined);
}

function deploymentFilter(deploymentId: string): Filter {
  return { Name: `tag:${TAG_KEYS.deployment}`, Values: [deploymentId] };
}
