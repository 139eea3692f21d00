import type { Operation } from '../protocol/operation.js';
import { describeImages, describeSubnets } from './catalogue-operations.js';
import { describeInstances } from './describe-instances.js';
import { runInstances } from './run-instances.js';
import { createTags, deleteTags, describeTags } from './tag-operations.js';
import { terminateInstances } from './terminate-instances.js';

/** Every EC2 action the simulator knows, by its name on the wire. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['CreateTags', createTags],
  ['DeleteTags', deleteTags],
  ['DescribeImages', describeImages],
  ['DescribeInstances', describeInstances],
  ['DescribeSubnets', describeSubnets],
  ['DescribeTags', describeTags],
  ['RunInstances', runInstances],
  ['TerminateInstances', terminateInstances],
]);
