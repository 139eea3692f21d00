/** Every AWS operation this product calls: the closed set of the `op` label. */
export const EC2_OPERATIONS = ['run_instances', 'describe_instances', 'terminate_instances', 'create_tags'] as const;
export type Ec2Operation = (typeof EC2_OPERATIONS)[number];

/** Why an HTTP attempt was made again: the closed set of the `reason` label. */
export const RETRY_REASONS = ['throttled', 'server_error', 'timeout', 'connection', 'other'] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];
