/** Stands for every value outside a closed set, so that no input can make a new series. */
export const OTHER = 'other';

export const JOB_NAMES = [
  'relay_launch',
  'relay_boot_watch',
  'relay_terminate',
  'relay_expiry',
  'orphan_sweep',
  'warm_pool',
  'history_prune',
] as const;

export const JOB_STATUSES = ['ok', 'error'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** `cancelled`: the client deleted the relay before it was active. */
export const PROVISION_STATUSES = ['ok', 'error', 'cancelled'] as const;
export type ProvisionStatus = (typeof PROVISION_STATUSES)[number];

/** `ignored`: AWS reported an already-terminal state and no action was required. */
export const DEPROVISION_STATUSES = ['ok', 'error', 'ignored'] as const;
export type DeprovisionStatus = (typeof DEPROVISION_STATUSES)[number];

/** The EC2 operations this product calls. */
export const AWS_OPERATIONS = ['run_instances', 'describe_instances', 'terminate_instances', 'create_tags'] as const;
export type AwsOperation = (typeof AWS_OPERATIONS)[number];

/** `ignored` belongs to `terminate_instances` alone: the instance was terminal already. */
export const AWS_STATUSES = ['ok', 'error', 'ignored'] as const;
export type AwsStatus = (typeof AWS_STATUSES)[number];

export const RETRY_REASONS = ['throttled', 'server_error', 'timeout', 'connection', OTHER] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];

/** BullMQ's states that say something about backlog; `waiting` includes prioritised ones. */
export const QUEUE_STATES = ['waiting', 'active', 'failed'] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

/** Which rule kept a sweep from terminating an instance it would otherwise have terminated. */
export const SWEEP_RULES = ['open_intent', 'grace', 'protected', 'freeze', 'cap', 'shadow'] as const;
export type SweepRule = (typeof SWEEP_RULES)[number];

/** `orphan`: an instance no live relay owns. `missing`: a live relay whose instance EC2 does not list. */
export const DISAGREEMENT_KINDS = ['orphan', 'missing'] as const;

export const FREEZE_SWITCHES = ['launch', 'sweep'] as const;
export type FreezeSwitch = (typeof FREEZE_SWITCHES)[number];

export const CLAIM_OUTCOMES = ['hit', 'miss'] as const;
export type ClaimOutcome = (typeof CLAIM_OUTCOMES)[number];

export const MARKETS = ['on_demand', 'spot'] as const;
export type Market = (typeof MARKETS)[number];

/** `launched`: all that was asked for; `partial`: fewer. The rest: EC2 refused the offering. */
export const CAPACITY_OUTCOMES = ['launched', 'partial', 'no_capacity', 'quota_exceeded', 'rejected'] as const;
export type CapacityOutcome = (typeof CAPACITY_OUTCOMES)[number];

export const EVENT_SINKS = ['sse'] as const;
export type EventSink = (typeof EVENT_SINKS)[number];

export const APPS = ['api', 'jobs'] as const;
export type App = (typeof APPS)[number];

/** Every status code the two apps answer with, and 499 for a client that did not wait for its answer. */
export const HTTP_CODES = [
  '200',
  '201',
  '202',
  '204',
  '304',
  '400',
  '401',
  '403',
  '404',
  '405',
  '406',
  '408',
  '409',
  '410',
  '412',
  '413',
  '415',
  '417',
  '422',
  '429',
  '431',
  '499',
  '500',
  '503',
] as const;
