import { Ec2Error, invalidValue } from '../protocol/ec2-error.js';
import type { QueryParams } from '../protocol/query-params.js';

const MAX_TAGS = 50;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** Reads `Tag.N.Key` and `Tag.N.Value` under EC2's rules for tags. */
export function readTags(params: QueryParams): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of params.list('Tag')) {
    const key = tag.required('Key');
    const value = tag.string('Value') ?? '';
    if (key.length > MAX_KEY) {
      throw new Ec2Error('InvalidParameterValue', `Tag key exceeds the maximum length of ${MAX_KEY} characters`);
    }
    if (value.length > MAX_VALUE) {
      throw new Ec2Error('InvalidParameterValue', `Tag value exceeds the maximum length of ${MAX_VALUE} characters`);
    }
    if (/^aws:/i.test(key)) {
      throw invalidValue(`${tag.path}.Key`, key, "Tag keys starting with 'aws:' are reserved for internal use");
    }
    if (tags.has(key)) throw new Ec2Error('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
    tags.set(key, value);
  }
  checkTagCount(tags.size);
  return tags;
}

export function checkTagCount(count: number): void {
  if (count > MAX_TAGS) {
    throw new Ec2Error('TagLimitExceeded', `More than ${MAX_TAGS} tags cannot be applied to a resource.`);
  }
}
