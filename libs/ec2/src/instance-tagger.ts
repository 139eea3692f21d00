import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { InstanceTagger, TagResult } from './cloud-provider.js';
import { type BatchResult, inBatches } from './instance-batches.js';
import type { RegionClient } from './region-client.js';

export function createInstanceTagger(clientOf: (region: string) => RegionClient): InstanceTagger {
  return {
    async setTags(region, instanceIds, tags, { signal } = {}) {
      const client = clientOf(region);
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      const result = await inBatches(instanceIds, async (ids) => {
        const command = new CreateTagsCommand({ Resources: ids, Tags });
        await client.call({ op: 'create_tags', command, signal });
        return ids;
      });
      return toTagResult(result);
    },
  };
}

function toTagResult({ done, missing, failures }: BatchResult<string>): TagResult {
  return { tagged: done, missing, failures };
}
