import type { CallRecord, LedgerEntry } from '@aegis/ec2-sim';
import { Tally } from './exposition.js';

/** Kinds of attempts that the SDK repeats, and what the metrics call them. Everything else is final. */
function retryReason(outcome: string): string | null {
  if (outcome === 'RequestLimitExceeded') return 'throttled';
  if (outcome === 'http_503' || outcome === 'InternalError') return 'server_error';
  if (outcome.startsWith('cut_')) return 'connection';
  if (outcome.startsWith('hang_')) return 'timeout';
  return null;
}

const snakeCase = (operation: string) => operation.replace(/(?<!^)[A-Z]/g, '_$&').toLowerCase();

/** The attempts of each operation in order: they share the SDK's invocation id. */
function operationsOf(calls: readonly CallRecord[]): CallRecord[][] {
  const byInvocation = new Map<string | null, CallRecord[]>();
  for (const call of calls) {
    const attempts = byInvocation.get(call.invocationId);
    if (attempts === undefined) byInvocation.set(call.invocationId, [call]);
    else attempts.push(call);
  }
  return [...byInvocation.values()];
}

/** Whether EC2 found nothing to end: no instance left its state on account of this call. */
function endedNothing(call: CallRecord, ledger: readonly LedgerEntry[]): boolean {
  return !ledger.some(
    ({ region, event, cause, at }) =>
      region === call.region &&
      event === 'shutting-down' &&
      cause === 'api' &&
      at >= Math.floor(call.at) &&
      at <= Math.ceil(call.at + call.durationMs),
  );
}

/** What the metrics of AWS calls must say, told from EC2's side alone. */
export function expectedAwsCounters(calls: readonly CallRecord[], ledger: readonly LedgerEntry[]): Tally {
  const tally = new Tally();
  for (const attempts of operationsOf(calls)) {
    const last = attempts.at(-1);
    if (last === undefined) continue;
    const place = { op: snakeCase(last.operation), region: last.region };
    for (const { outcome } of attempts.slice(0, -1)) {
      tally.add('aegis_aws_retries_total', { ...place, reason: retryReason(outcome) ?? `final ${outcome} repeated` });
    }
    const ignored = last.operation === 'TerminateInstances' && last.outcome === 'ok' && endedNothing(last, ledger);
    const status = last.outcome === 'ok' ? (ignored ? 'ignored' : 'ok') : 'error';
    tally.add('aegis_aws_operations_total', { ...place, status });
    tally.add('aegis_aws_operation_latency_ms_count', { ...place, status });
    if (retryReason(last.outcome) !== null) tally.add('aegis_aws_retry_exhausted_total', place);
  }
  return tally;
}
