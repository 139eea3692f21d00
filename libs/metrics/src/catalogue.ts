import type { DomainName } from './label-domains.js';

/**
 * How to put several replicas' series together in PromQL. `sum`: each replica counts its own part. `max`: each replica
 * reports what it read from the store, so adding them up would count the same thing twice. `min`: the worst is the least.
 */
export type Aggregation = 'sum' | 'max' | 'min';

export interface FamilySpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label name to the closed set of its values. */
  readonly labels: Readonly<Record<string, DomainName>>;
  readonly aggregation: Aggregation;
  /** Upper bounds, without `+Inf`; histograms only. */
  readonly buckets?: readonly number[];
}

/** 15000 is a boundary because the latency alert is; the fine end sees relays claimed from the warm pool. */
const PROVISION_MS = [
  10, 50, 100, 250, 500, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000, 60000, 120000, 300000, 600000,
];
const DEPROVISION_MS = [250, 500, 1000, 2500, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000];
const JOB_MS = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000];
const AWS_MS = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000];
const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const ORPHAN_SECONDS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];

const PROVISION = { provider: 'provider', region: 'region', status: 'provisionStatus' } as const;
const DEPROVISION = { provider: 'provider', region: 'region', status: 'deprovisionStatus' } as const;
const AWS_CALL = { op: 'awsOperation', region: 'region', status: 'awsStatus' } as const;
const REGION = { region: 'region' } as const;

/**
 * Every family both apps expose beside prom-client's process metrics. The first block is the public contract: names,
 * types and labels never change. Families outside it use base units; the contract's are in milliseconds by decree.
 */
export const CATALOGUE = {
  aegis_relay_provision_total: {
    type: 'counter',
    help: 'Provisions ended: active (ok), failed (error), deleted by the client before active (cancelled).',
    labels: PROVISION,
    aggregation: 'sum',
  },
  aegis_relay_provision_latency_ms: {
    type: 'histogram',
    help: 'Milliseconds from the accepted request to the end of the provision.',
    labels: PROVISION,
    aggregation: 'sum',
    buckets: PROVISION_MS,
  },
  aegis_relay_deprovision_total: {
    type: 'counter',
    help: 'Deprovisions ended: instance gone (ok), attempt failed (error), already gone and nothing to do (ignored).',
    labels: DEPROVISION,
    aggregation: 'sum',
  },
  aegis_relay_deprovision_latency_ms: {
    type: 'histogram',
    help: 'Milliseconds from the decision to end a relay to the end of the deprovision.',
    labels: DEPROVISION,
    aggregation: 'sum',
    buckets: DEPROVISION_MS,
  },
  aegis_job_runs_total: {
    type: 'counter',
    help: 'Finished runs of a background job.',
    labels: { job: 'job', status: 'jobStatus' },
    aggregation: 'sum',
  },
  aegis_job_duration_ms: {
    type: 'histogram',
    help: 'Milliseconds one run of a background job took.',
    labels: { job: 'job' },
    aggregation: 'sum',
    buckets: JOB_MS,
  },
  aegis_aws_operations_total: {
    type: 'counter',
    help: 'AWS operations ended, after all their retries; ignored is a terminate that met a terminal instance.',
    labels: AWS_CALL,
    aggregation: 'sum',
  },
  aegis_aws_operation_latency_ms: {
    type: 'histogram',
    help: 'Milliseconds of an AWS operation with its retries and their waits.',
    labels: AWS_CALL,
    aggregation: 'sum',
    buckets: AWS_MS,
  },
  aegis_aws_retries_total: {
    type: 'counter',
    help: 'Repeated attempts of AWS operations by normalised reason.',
    labels: { op: 'awsOperation', region: 'region', reason: 'retryReason' },
    aggregation: 'sum',
  },
  aegis_aws_retry_exhausted_total: {
    type: 'counter',
    help: 'AWS operations that failed although every allowed retry was used.',
    labels: { op: 'awsOperation', region: 'region' },
    aggregation: 'sum',
  },

  aegis_relays: {
    type: 'gauge',
    help: 'Relays in the store by state; terminal ones until their retention ends.',
    labels: { region: 'region', state: 'relayState' },
    aggregation: 'max',
  },
  aegis_relay_oldest_pending_age_seconds: {
    type: 'gauge',
    help: 'Age of the longest waiting pending relay, 0 when none waits.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_relay_oldest_terminating_age_seconds: {
    type: 'gauge',
    help: 'Time the longest terminating relay has been terminating, 0 when there is none.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_relays_ended_total: {
    type: 'counter',
    help: 'Relays told to end or failed, by the reason they carry.',
    labels: { region: 'region', reason: 'relayReason' },
    aggregation: 'sum',
  },
  aegis_launch_intents_open: {
    type: 'gauge',
    help: 'Launch intents stored and not settled yet.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_queue_jobs: {
    type: 'gauge',
    help: 'Jobs in the queues of a region by state.',
    labels: { region: 'region', state: 'queueState' },
    aggregation: 'max',
  },
  aegis_queue_oldest_waiting_age_seconds: {
    type: 'gauge',
    help: 'How long the job that has waited longest in the queues of a region has waited for a worker; 0 when none waits.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_inventory_stale: {
    type: 'gauge',
    help: '1 when the store could not be read for this scrape: the gauges read from it are the last known values.',
    labels: {},
    aggregation: 'max',
  },
  aegis_redis_up: {
    type: 'gauge',
    help: '1 when this process could read Redis in time for this scrape.',
    labels: {},
    aggregation: 'min',
  },
  aegis_freeze_active: {
    type: 'gauge',
    help: '1 while an operator has frozen launches or terminations by sweeps.',
    labels: { region: 'region', switch: 'freezeSwitch' },
    aggregation: 'max',
  },

  aegis_sweep_last_complete_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time of the last sweep that saw every page of the region, 0 when none has.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_sweep_halted: {
    type: 'gauge',
    help: '1 when the last sweep stopped because it would have terminated more than its cap.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_sweep_halts_total: {
    type: 'counter',
    help: 'Sweeps that stopped at their cap.',
    labels: REGION,
    aggregation: 'sum',
  },
  aegis_sweep_instances: {
    type: 'gauge',
    help: 'Live instances with the deployment tag that EC2 listed at the last complete sweep.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_sweep_disagreements: {
    type: 'gauge',
    help: 'Instances without a live relay (orphan), live relays without an instance (missing), at the last complete sweep.',
    labels: { region: 'region', kind: 'disagreementKind' },
    aggregation: 'max',
  },
  aegis_sweep_orphans_found_total: {
    type: 'counter',
    help: 'Instances marked as orphans, each once.',
    labels: REGION,
    aggregation: 'sum',
  },
  aegis_sweep_orphans_terminated_total: {
    type: 'counter',
    help: 'Orphans terminated by a sweep.',
    labels: REGION,
    aggregation: 'sum',
  },
  aegis_sweep_orphan_lived_seconds: {
    type: 'histogram',
    help: 'Seconds from the launch of an orphan to its termination by a sweep.',
    labels: REGION,
    aggregation: 'sum',
    buckets: ORPHAN_SECONDS,
  },
  aegis_sweep_spared_total: {
    type: 'counter',
    help: 'Times a sweep left an unowned instance alone, by the rule that spared it.',
    labels: { region: 'region', rule: 'sweepRule' },
    aggregation: 'sum',
  },
  aegis_sweep_relays_lost_total: {
    type: 'counter',
    help: 'Live relays closed because their instance is gone from EC2.',
    labels: REGION,
    aggregation: 'sum',
  },
  aegis_sweep_relays_rebuilt_total: {
    type: 'counter',
    help: 'Relay records rebuilt from EC2 after the store lost them.',
    labels: REGION,
    aggregation: 'sum',
  },

  aegis_warm_pool_relays: {
    type: 'gauge',
    help: 'Booted spare relays that can be claimed.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_warm_pool_target: {
    type: 'gauge',
    help: 'Spare relays the pool should hold now; 0 when it is off.',
    labels: REGION,
    aggregation: 'max',
  },
  aegis_warm_pool_claims_total: {
    type: 'counter',
    help: 'Creates that asked the warm pool: got a relay (hit), found it empty (miss).',
    labels: { region: 'region', outcome: 'claimOutcome' },
    aggregation: 'sum',
  },
  aegis_capacity_attempts_total: {
    type: 'counter',
    help: 'Launches tried on an offering, by outcome.',
    labels: { region: 'region', instance_type: 'instanceType', market: 'market', outcome: 'capacityOutcome' },
    aggregation: 'sum',
  },

  aegis_http_requests_total: {
    type: 'counter',
    help: 'HTTP requests answered, by route template.',
    labels: { method: 'httpMethod', route: 'httpRoute', code: 'httpCode' },
    aggregation: 'sum',
  },
  aegis_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Seconds to answer an HTTP request; streams and requests that asked to wait are left out.',
    labels: { method: 'httpMethod', route: 'httpRoute' },
    aggregation: 'sum',
    buckets: HTTP_SECONDS,
  },
  aegis_http_streams: {
    type: 'gauge',
    help: 'Event streams open now.',
    labels: {},
    aggregation: 'sum',
  },
  aegis_events_dropped_total: {
    type: 'counter',
    help: 'Events thrown away because their reader was too slow.',
    labels: { sink: 'eventSink' },
    aggregation: 'sum',
  },
  aegis_shutting_down: {
    type: 'gauge',
    help: '1 from the shutdown signal until the process ends.',
    labels: {},
    aggregation: 'max',
  },
  aegis_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels name the build that runs.',
    labels: { app: 'app', version: 'version', node_version: 'nodeVersion' },
    aggregation: 'max',
  },
} as const satisfies Record<string, FamilySpec>;

export type FamilyName = keyof typeof CATALOGUE;

/** The families no release may rename, retype or relabel. */
export const CONTRACT_FAMILIES = [
  'aegis_relay_provision_total',
  'aegis_relay_provision_latency_ms',
  'aegis_relay_deprovision_total',
  'aegis_relay_deprovision_latency_ms',
  'aegis_job_runs_total',
  'aegis_job_duration_ms',
  'aegis_aws_operations_total',
  'aegis_aws_operation_latency_ms',
  'aegis_aws_retries_total',
  'aegis_aws_retry_exhausted_total',
] as const satisfies readonly FamilyName[];
