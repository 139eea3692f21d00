import { Ec2Error } from '../protocol/ec2-error.js';
import type { Operation, OperationContext, OperationResult } from '../protocol/operation.js';
import type { XmlObject } from '../protocol/xml.js';
import type { Cloud } from '../state/cloud.js';
import type { Instance } from '../state/model.js';
import { type Filter, readFilters } from './filters.js';
import { candidatesFor, instanceMatches, isInstanceFilter } from './instance-filters.js';
import { instancesById } from './instance-ids.js';
import { instanceXml, reservationXml } from './instance-xml.js';
import { pageToken, readPageSize, readPageToken } from './page-token.js';

const DEFAULT_PAGE = 1000;

export const describeInstances: Operation = {
  parameters: new Set(['Filter', 'IncludeManagedResources', 'InstanceId', 'MaxResults', 'NextToken']),

  run(context) {
    const { cloud, region, params } = context;
    const ids = params.strings('InstanceId');
    if (ids.length > 0 && (params.has('MaxResults') || params.has('NextToken'))) {
      throw new Ec2Error(
        'InvalidParameterCombination',
        'The parameter instancesSet cannot be used with the parameter maxResults',
      );
    }
    const filters = readFilters(params, isInstanceFilter);
    if (ids.length === 0) return page(context, filters);
    const named = instancesById(region, ids, cloud.now());
    return answer(
      named.filter((instance) => instanceMatches(instance, filters, cloud)),
      cloud,
    );
  },
};

function page({ cloud, region, params }: OperationContext, filters: readonly Filter[]): OperationResult {
  const size = readPageSize(params, DEFAULT_PAGE);
  const now = cloud.now();
  const found: Instance[] = [];
  for (const instance of region.instances.after(readPageToken(params), candidatesFor(region, filters))) {
    if (instance.visibleAt > now || !instanceMatches(instance, filters, cloud)) continue;
    if (found.length === size) return answer(found, cloud, pageToken(found.at(-1)?.seq ?? 0));
    found.push(instance);
  }
  return answer(found, cloud);
}

/** Instances of one launch that follow one another share a reservation; a page can split one. */
function answer(instances: readonly Instance[], cloud: Cloud, nextToken?: string): OperationResult {
  const now = cloud.now();
  const reservationSet: XmlObject[] = [];
  let group: Instance[] = [];
  const close = () => {
    const launch = group[0]?.launch;
    if (launch !== undefined) reservationSet.push(reservationXml(launch, written(group, now, cloud)));
    group = [];
  };
  for (const instance of instances) {
    if (group[0] !== undefined && group[0].launch !== instance.launch) close();
    group.push(instance);
  }
  close();
  return { body: { reservationSet, nextToken }, instances: instances.length };
}

function* written(instances: readonly Instance[], now: number, cloud: Cloud): Generator<XmlObject> {
  for (const instance of instances) yield instanceXml(instance, now, cloud.settings);
}
