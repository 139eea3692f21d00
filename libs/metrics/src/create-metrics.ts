import { collectDefaultMetrics, type Registry } from 'prom-client';
import { buildFamilies, type Families } from './families.js';
import { createInventoryCollector, type InventorySource } from './inventory.js';
import { type LabelOptions, labelDomains } from './label-domains.js';
import type * as values from './label-values.js';
import { OTHER } from './label-values.js';

export interface MetricsOptions extends LabelOptions {
  /** An empty registry of this process. */
  readonly registry: Registry;
  /** Read at each scrape, and never waited for longer than `inventoryTimeoutMs`. */
  readonly inventorySource?: InventorySource;
  /** Defaults to 500. */
  readonly inventoryTimeoutMs?: number;
  /** Unix milliseconds; defaults to `Date.now`. */
  readonly clock?: () => number;
}

type Region = { readonly region: string };
type Counted = Region & { readonly count: number };

/** Records what happened. Every method is synchronous, never throws, and puts unknown label values under `other`. */
export interface Metrics {
  relayProvisioned(end: Region & { status: values.ProvisionStatus; latencyMs: number }): void;
  relayDeprovisioned(end: Region & { status: values.DeprovisionStatus; latencyMs: number }): void;
  /** A relay was told to end, or failed, with this reason. */
  relayEnded(end: Region & { reason: string }): void;
  jobRun(run: { job: string; status: values.JobStatus; durationMs: number }): void;
  awsOperation(call: Region & { op: string; status: values.AwsStatus; latencyMs: number }): void;
  awsRetry(retry: Region & { op: string; reason: values.RetryReason }): void;
  awsRetryExhausted(call: Region & { op: string }): void;
  capacityAttempt(
    attempt: Region & { instanceType: string; market: values.Market; outcome: values.CapacityOutcome },
  ): void;
  warmPoolClaim(claim: Region & { outcome: values.ClaimOutcome }): void;

  orphansFound(found: Counted): void;
  orphanTerminated(orphan: Region & { livedSeconds: number }): void;
  sweepSpared(spared: Counted & { rule: values.SweepRule }): void;
  sweepHalted(sweep: Region): void;
  relaysLost(lost: Counted): void;
  relaysRebuilt(rebuilt: Counted): void;

  /**
   * `durationSeconds` is left out for streams and for requests that asked to wait: how long those last is the
   * client's choice and would hide real slowness.
   */
  httpRequest(request: { method: string; route: string; code: number; durationSeconds?: number }): void;
  httpStreamOpened(): void;
  httpStreamClosed(): void;
  eventsDropped(dropped: { sink: values.EventSink; count: number }): void;
  shuttingDown(): void;

  /** Refreshes the gauges read from the store. Resolves within the time limit; never rejects. */
  collectInventory(): Promise<void>;
  readonly registry: Registry;
}

/** Registers the whole catalogue on `registry`, every known series at 0, and answers the recording methods. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { registry, app, version, clock = Date.now } = options;
  const domains = labelDomains(options);
  const families = buildFamilies(registry, domains);
  registerProcessMetrics(registry);
  families.set('aegis_build_info', { app, version, node_version: process.version }, 1);
  const collectInventory = options.inventorySource
    ? createInventoryCollector({
        families,
        source: options.inventorySource,
        clock,
        timeoutMs: options.inventoryTimeoutMs ?? 500,
      })
    : async () => {};
  return {
    ...relayAndJobMetrics(families, options.provider ?? 'ec2'),
    ...awsMetrics(families),
    ...sweepMetrics(families),
    ...serviceMetrics(families, domains.isEndpoint),
    collectInventory,
    registry,
  };
}

/** prom-client names three gauges as if they were counters, which `promtool check metrics` rightly refuses. */
function registerProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const kind of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  }
}

function relayAndJobMetrics(families: Families, provider: string) {
  return {
    relayProvisioned: ({ region, status, latencyMs }) => {
      families.inc('aegis_relay_provision_total', { provider, region, status });
      families.observe('aegis_relay_provision_latency_ms', { provider, region, status }, latencyMs);
    },
    relayDeprovisioned: ({ region, status, latencyMs }) => {
      families.inc('aegis_relay_deprovision_total', { provider, region, status });
      families.observe('aegis_relay_deprovision_latency_ms', { provider, region, status }, latencyMs);
    },
    relayEnded: ({ region, reason }) => families.inc('aegis_relays_ended_total', { region, reason }),
    jobRun: ({ job, status, durationMs }) => {
      families.inc('aegis_job_runs_total', { job, status });
      families.observe('aegis_job_duration_ms', { job }, durationMs);
    },
    warmPoolClaim: ({ region, outcome }) => families.inc('aegis_warm_pool_claims_total', { region, outcome }),
  } satisfies Partial<Metrics>;
}

function awsMetrics(families: Families) {
  return {
    awsOperation: ({ op, region, status, latencyMs }) => {
      families.inc('aegis_aws_operations_total', { op, region, status });
      families.observe('aegis_aws_operation_latency_ms', { op, region, status }, latencyMs);
    },
    awsRetry: ({ op, region, reason }) => families.inc('aegis_aws_retries_total', { op, region, reason }),
    awsRetryExhausted: ({ op, region }) => families.inc('aegis_aws_retry_exhausted_total', { op, region }),
    capacityAttempt: ({ region, instanceType, market, outcome }) =>
      families.inc('aegis_capacity_attempts_total', { region, instance_type: instanceType, market, outcome }),
  } satisfies Partial<Metrics>;
}

function sweepMetrics(families: Families) {
  return {
    orphansFound: ({ region, count }) => families.inc('aegis_sweep_orphans_found_total', { region }, count),
    orphanTerminated: ({ region, livedSeconds }) => {
      families.inc('aegis_sweep_orphans_terminated_total', { region });
      families.observe('aegis_sweep_orphan_lived_seconds', { region }, livedSeconds);
    },
    sweepSpared: ({ region, rule, count }) => families.inc('aegis_sweep_spared_total', { region, rule }, count),
    sweepHalted: ({ region }) => families.inc('aegis_sweep_halts_total', { region }),
    relaysLost: ({ region, count }) => families.inc('aegis_sweep_relays_lost_total', { region }, count),
    relaysRebuilt: ({ region, count }) => families.inc('aegis_sweep_relays_rebuilt_total', { region }, count),
  } satisfies Partial<Metrics>;
}

function serviceMetrics(families: Families, isEndpoint: (method: string, route: string) => boolean) {
  let streams = 0;
  return {
    httpRequest: ({ method, route, code, durationSeconds }) => {
      // Express answers HEAD from the GET route.
      const asked = method === 'HEAD' && isEndpoint('GET', route) ? 'GET' : method;
      const endpoint = isEndpoint(asked, route) ? { method: asked, route } : { method: OTHER, route: OTHER };
      families.inc('aegis_http_requests_total', { ...endpoint, code: String(code) });
      if (durationSeconds !== undefined) {
        families.observe('aegis_http_request_duration_seconds', endpoint, durationSeconds);
      }
    },
    httpStreamOpened: () => {
      streams += 1;
      families.set('aegis_http_streams', {}, streams);
    },
    httpStreamClosed: () => {
      streams = Math.max(0, streams - 1);
      families.set('aegis_http_streams', {}, streams);
    },
    eventsDropped: ({ sink, count }) => families.inc('aegis_events_dropped_total', { sink }, count),
    shuttingDown: () => families.set('aegis_shutting_down', {}, 1),
  } satisfies Partial<Metrics>;
}
