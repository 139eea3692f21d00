import { seriesKey } from './exposition.js';

const JOBS = [
  'relay_launch',
  'relay_boot_watch',
  'relay_terminate',
  'relay_expiry',
  'orphan_sweep',
  'warm_pool',
  'history_prune',
];
const OPERATIONS = ['run_instances', 'describe_instances', 'terminate_instances'];
const REASONS = ['throttled', 'server_error', 'timeout', 'connection', 'other'];

/** The series of the metrics contract that exist from start-up, written out from DESIGN.md's table. */
export function contractSeries(regionNames: readonly string[]): string[] {
  const label = (name: string, values: readonly string[]) => values.map((value) => ({ [name]: value }));
  const product = (...lists: Record<string, string>[][]) =>
    lists.reduce((all, list) => all.flatMap((one) => list.map((each) => ({ ...one, ...each }))), [{}]);
  const provider = label('provider', ['ec2']);
  const region = label('region', regionNames);
  const status = (...values: string[]) => label('status', values);
  const job = label('job', JOBS);
  const op = label('op', OPERATIONS);
  const terminate = label('op', ['terminate_instances']);
  const operations = [...product(op, region, status('ok', 'error')), ...product(terminate, region, status('ignored'))];
  const provisions = product(provider, region, status('ok', 'error', 'cancelled'));
  const deprovisions = product(provider, region, status('ok', 'error', 'ignored'));
  const families: Record<string, Record<string, string>[]> = {
    aegis_relay_provision_total: provisions,
    aegis_relay_provision_latency_ms_count: provisions,
    aegis_relay_deprovision_total: deprovisions,
    aegis_relay_deprovision_latency_ms_count: deprovisions,
    aegis_job_runs_total: product(job, status('ok', 'error')),
    aegis_job_duration_ms_count: job,
    aegis_aws_operations_total: operations,
    aegis_aws_operation_latency_ms_count: operations,
    aegis_aws_retries_total: product(op, region, label('reason', REASONS)),
    aegis_aws_retry_exhausted_total: product(op, region),
  };
  return Object.entries(families).flatMap(([name, labels]) => labels.map((each) => seriesKey(name, each)));
}
