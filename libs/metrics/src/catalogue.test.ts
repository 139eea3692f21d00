import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { CATALOGUE, CONTRACT_FAMILIES, createMetrics, type FamilySpec, Registry } from './index.js';

const PROVISION_BUCKETS =
  '10 50 100 250 500 1000 2000 3000 5000 7500 10000 15000 20000 30000 60000 120000 300000 600000';
const DEPROVISION_BUCKETS = '250 500 1000 2500 5000 10000 15000 30000 60000 120000 300000 600000';
const JOB_BUCKETS = '1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 120000';
const AWS_BUCKETS = '10 25 50 100 250 500 1000 2500 5000 10000 30000 60000';
const HTTP_BUCKETS = '0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10';
const ORPHAN_BUCKETS = '60 120 300 600 900 1800 3600 7200 21600 86400';

/** name | type | labels | buckets | help: written out so that any change of the public pages shows here. */
const EXPECTED = `
aegis_relay_provision_total | counter | provider region status | | Provisions ended: active (ok), failed (error), deleted by the client before active (cancelled).
aegis_relay_provision_latency_ms | histogram | provider region status | ${PROVISION_BUCKETS} | Milliseconds from the accepted request to the end of the provision.
aegis_relay_deprovision_total | counter | provider region status | | Deprovisions ended: instance gone (ok), attempt failed (error), already gone and nothing to do (ignored).
aegis_relay_deprovision_latency_ms | histogram | provider region status | ${DEPROVISION_BUCKETS} | Milliseconds from the decision to end a relay to the end of the deprovision.
aegis_job_runs_total | counter | job status | | Finished runs of a background job.
aegis_job_duration_ms | histogram | job | ${JOB_BUCKETS} | Milliseconds one run of a background job took.
aegis_aws_operations_total | counter | op region status | | AWS operations ended, after all their retries; ignored is a terminate that met a terminal instance.
aegis_aws_operation_latency_ms | histogram | op region status | ${AWS_BUCKETS} | Milliseconds of an AWS operation with its retries and their waits.
aegis_aws_retries_total | counter | op region reason | | Repeated attempts of AWS operations by normalised reason.
aegis_aws_retry_exhausted_total | counter | op region | | AWS operations that failed although every allowed retry was used.
aegis_relays | gauge | region state | | Relays in the store by state; terminal ones until their retention ends.
aegis_relay_oldest_pending_age_seconds | gauge | region | | Age of the longest waiting pending relay, 0 when none waits.
aegis_relay_oldest_terminating_age_seconds | gauge | region | | Time the longest terminating relay has been terminating, 0 when there is none.
aegis_relays_ended_total | counter | region reason | | Relays told to end or failed, by the reason they carry.
aegis_launch_intents_open | gauge | region | | Launch intents stored and not settled yet.
aegis_queue_jobs | gauge | region state | | Jobs in the queues of a region by state.
aegis_queue_oldest_waiting_age_seconds | gauge | region | | How long the job that has waited longest in the queues of a region has waited for a worker; 0 when none waits.
aegis_inventory_stale | gauge | | | 1 when the store could not be read for this scrape: the gauges read from it are the last known values.
aegis_redis_up | gauge | | | 1 when this process could read Redis in time for this scrape.
aegis_freeze_active | gauge | region switch | | 1 while an operator has frozen launches or terminations by sweeps.
aegis_sweep_last_complete_timestamp_seconds | gauge | region | | Unix time of the last sweep that saw every page of the region, 0 when none has.
aegis_sweep_halted | gauge | region | | 1 when the last sweep stopped because it would have terminated more than its cap.
aegis_sweep_halts_total | counter | region | | Sweeps that stopped at their cap.
aegis_sweep_instances | gauge | region | | Live instances with the deployment tag that EC2 listed at the last complete sweep.
aegis_sweep_disagreements | gauge | region kind | | Instances without a live relay (orphan), live relays without an instance (missing), at the last complete sweep.
aegis_sweep_orphans_found_total | counter | region | | Instances marked as orphans, each once.
aegis_sweep_orphans_terminated_total | counter | region | | Orphans terminated by a sweep.
aegis_sweep_orphan_lived_seconds | histogram | region | ${ORPHAN_BUCKETS} | Seconds from the launch of an orphan to its termination by a sweep.
aegis_sweep_spared_total | counter | region rule | | Times a sweep left an unowned instance alone, by the rule that spared it.
aegis_sweep_relays_lost_total | counter | region | | Live relays closed because their instance is gone from EC2.
aegis_sweep_relays_rebuilt_total | counter | region | | Relay records rebuilt from EC2 after the store lost them.
aegis_warm_pool_relays | gauge | region | | Booted spare relays that can be claimed.
aegis_warm_pool_target | gauge | region | | Spare relays the pool should hold now; 0 when it is off.
aegis_warm_pool_claims_total | counter | region outcome | | Creates that asked the warm pool: got a relay (hit), found it empty (miss).
aegis_capacity_attempts_total | counter | region instance_type market outcome | | Launches tried on an offering, by outcome.
aegis_http_requests_total | counter | method route code | | HTTP requests answered, by route template.
aegis_http_request_duration_seconds | histogram | method route | ${HTTP_BUCKETS} | Seconds to answer an HTTP request; streams and requests that asked to wait are left out.
aegis_http_streams | gauge | | | Event streams open now.
aegis_events_dropped_total | counter | sink | | Events thrown away because their reader was too slow.
aegis_shutting_down | gauge | | | 1 from the shutdown signal until the process ends.
aegis_build_info | gauge | app version node_version | | Always 1; the labels name the build that runs.
`
  .trim()
  .split('\n');

/** prom-client's own, without the three it names like counters. */
const PROCESS_FAMILIES = `
nodejs_active_handles gauge · nodejs_active_requests gauge · nodejs_active_resources gauge · nodejs_eventloop_lag_max_seconds gauge
nodejs_eventloop_lag_mean_seconds gauge · nodejs_eventloop_lag_min_seconds gauge · nodejs_eventloop_lag_p50_seconds gauge
nodejs_eventloop_lag_p90_seconds gauge · nodejs_eventloop_lag_p99_seconds gauge · nodejs_eventloop_lag_seconds gauge
nodejs_eventloop_lag_stddev_seconds gauge · nodejs_external_memory_bytes gauge · nodejs_gc_duration_seconds histogram
nodejs_heap_size_total_bytes gauge · nodejs_heap_size_used_bytes gauge · nodejs_heap_space_size_available_bytes gauge
nodejs_heap_space_size_total_bytes gauge · nodejs_heap_space_size_used_bytes gauge · nodejs_version_info gauge
process_cpu_seconds_total counter · process_cpu_system_seconds_total counter · process_cpu_user_seconds_total counter
process_heap_bytes gauge · process_max_fds gauge · process_open_fds gauge · process_resident_memory_bytes gauge
process_start_time_seconds gauge · process_virtual_memory_bytes gauge
`
  .trim()
  .split(/ · |\n/);

describe.each(['api', 'jobs'] as const)('the page of %s', (app) => {
  const registry = new Registry();
  createMetrics({ registry, app, version: '1.2.3', regions: ['us-east-1', 'eu-west-1'] });

  test('has exactly the catalogued families, with these types, labels, buckets and helps', () => {
    const families = registry.getMetricsAsArray().filter((metric) => metric.name.startsWith('aegis_'));
    const actual = families.map((metric) => {
      const { labelNames, upperBounds = [] } = metric as unknown as { labelNames: string[]; upperBounds?: number[] };
      const columns = [metric.name, metric.type, labelNames.join(' '), upperBounds.join(' '), metric.help];
      return columns.join(' | ').replace(/ {2,}/g, ' ');
    });
    expect(actual).toEqual(EXPECTED);
  });

  test('has exactly the process families the docs list', () => {
    const families = registry.getMetricsAsArray().filter((metric) => !metric.name.startsWith('aegis_'));
    expect(families.map(({ name, type }) => `${name} ${type}`).sort()).toEqual([...PROCESS_FAMILIES].sort());
  });
});

test('the contract families come first, and 15000 ms is a bucket boundary of provisioning', () => {
  expect(Object.keys(CATALOGUE).slice(0, CONTRACT_FAMILIES.length).sort()).toEqual([...CONTRACT_FAMILIES].sort());
  expect(CATALOGUE.aegis_relay_provision_latency_ms.buckets).toContain(15000);
});

test('every family says how replicas are put together, counters and histograms by sum', () => {
  for (const spec of Object.values<FamilySpec>(CATALOGUE)) {
    if (spec.type !== 'gauge') expect(spec.aggregation).toBe('sum');
    expect(['sum', 'max', 'min']).toContain(spec.aggregation);
  }
});

test('docs/metrics.md holds the catalogue as it is (npm run docs -w libs/metrics writes it)', async () => {
  const { renderCatalogue, replaceCatalogue } = await import('./catalogue-doc.js');
  const page = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  expect(page).toBe(replaceCatalogue(page, renderCatalogue()));
});
