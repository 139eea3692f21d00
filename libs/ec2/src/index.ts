export { AWS_FAILURE_KINDS, type AwsFailure, type AwsFailureKind } from './aws-failure.js';
export { EC2_THROTTLE_BUCKETS, type Spending } from './call-budget.js';
export { classifyAwsError } from './classify-aws-error.js';
export type { Clock } from './clock.js';
export { CloudError } from './cloud-error.js';
export type * from './cloud-provider.js';
export { EC2_OPERATIONS, type Ec2Operation, RETRY_REASONS, type RetryReason } from './ec2-operation.js';
export { createEc2Provider, type Ec2ProviderOptions } from './ec2-provider.js';
export {
  buildLaunchRequest,
  type LaunchPlan,
  type LaunchRequest,
  MAX_USER_DATA_BYTES,
  type Market,
  type Offering,
} from './launch-request.js';
export {
  fitBatch,
  type LaunchIdentity,
  MAX_BATCH,
  type RelaySlot,
  readLaunchTags,
  TAG_KEYS,
} from './launch-tags.js';
export type {
  OperationEvent,
  OperationStatus,
  ProviderObserver,
  RetryEvent,
  RetryExhaustedEvent,
} from './provider-observer.js';
export { type BucketSize, ThrottleBudget } from './throttle-budget.js';
