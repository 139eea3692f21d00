import { Ec2Error, missingParameter } from '../protocol/ec2-error.js';
import type { Operation, OperationContext } from '../protocol/operation.js';
import type { QueryParams } from '../protocol/query-params.js';
import type { XmlObject } from '../protocol/xml.js';
import type { Instance } from '../state/model.js';
import { readFilters } from './filters.js';
import { pageToken, readPageSize, readPageToken } from './page-token.js';
import { checkTagCount, readTags } from './tag-rules.js';

const MAX_RESOURCES = 1000;

function resources({ cloud, region, params }: OperationContext): Instance[] {
  const ids = [...new Set(params.strings('ResourceId'))];
  if (ids.length === 0) throw missingParameter('ResourceId');
  if (ids.length > MAX_RESOURCES) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The number of resource IDs (${ids.length}) exceeds the maximum of ${MAX_RESOURCES}`,
    );
  }
  return ids.map((id) => {
    const instance = region.instances.get(id);
    if (instance !== undefined && instance.visibleAt <= cloud.now()) return instance;
    if (id.startsWith('i-')) throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    throw new Ec2Error('InvalidID', `The ID '${id}' is not valid`);
  });
}

function refuseDryRun(params: QueryParams): void {
  if (params.boolean('DryRun') === true) {
    throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
  }
}

export const createTags: Operation = {
  parameters: new Set(['ResourceId', 'Tag']),

  run(context) {
    const instances = resources(context);
    const added = readTags(context.params);
    if (added.size === 0) throw missingParameter('Tag');
    const tagged = instances.map((instance) => ({ instance, tags: new Map([...instance.tags, ...added]) }));
    for (const { tags } of tagged) checkTagCount(tags.size);
    refuseDryRun(context.params);
    for (const { instance, tags } of tagged) context.cloud.retag(instance, tags);
    return { body: { return: true }, instances: instances.length };
  },
};

export const deleteTags: Operation = {
  parameters: new Set(['ResourceId', 'Tag']),

  run(context) {
    const instances = resources(context);
    refuseDryRun(context.params);
    const named = context.params.list('Tag').map((tag) => ({ key: tag.required('Key'), value: tag.string('Value') }));
    for (const instance of instances) {
      const tags = new Map(instance.tags);
      if (named.length === 0) tags.clear();
      // A value given must match; without one the key goes whatever it holds.
      for (const { key, value } of named) if (value === undefined || tags.get(key) === value) tags.delete(key);
      context.cloud.retag(instance, tags);
    }
    return { body: { return: true }, instances: instances.length };
  },
};

const TAG_FILTERS = new Set(['key', 'value', 'resource-id', 'resource-type']);

export const describeTags: Operation = {
  parameters: new Set(['Filter', 'MaxResults', 'NextToken']),

  run({ cloud, region, params }) {
    const filters = readFilters(params, (name) => TAG_FILTERS.has(name));
    const size = readPageSize(params, 1000);
    const now = cloud.now();
    const tagSet: XmlObject[] = [];
    let lastSeq = 0;
    for (const instance of region.instances.after(readPageToken(params))) {
      if (instance.visibleAt > now) continue;
      // A page ends between two instances, so that its token need hold nothing but the last one.
      if (tagSet.length >= size) return { body: { tagSet, nextToken: pageToken(lastSeq) }, instances: 0 };
      lastSeq = instance.seq;
      for (const [key, value] of instance.tags) {
        const entry: Record<string, string> = { key, value, 'resource-id': instance.id, 'resource-type': 'instance' };
        if (filters.every((filter) => filter.matches(entry[filter.name] ?? ''))) {
          tagSet.push({ resourceId: instance.id, resourceType: 'instance', key, value });
        }
      }
    }
    return { body: { tagSet }, instances: 0 };
  },
};
