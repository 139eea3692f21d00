import { execFile } from 'node:child_process';
import { findProgram } from '../src/monitoring.js';

/** The units of these names are the contract's; promtool would rather see base units. */
const CONTRACT_MS = [
  'aegis_aws_operation_latency_ms',
  'aegis_job_duration_ms',
  'aegis_relay_deprovision_latency_ms',
  'aegis_relay_provision_latency_ms',
];

/** What `promtool check metrics` must say of a page: one remark for each of these names and nothing else. */
export const EXPECTED_REMARKS = CONTRACT_MS.map((name) => `${name} metric names should not contain abbreviated units`);

/** The remarks of `promtool check metrics` about a page, sorted. */
export function promtoolRemarks(page: string): Promise<string[]> {
  const promtool = findProgram('promtool') ?? 'promtool';
  return new Promise((resolve, reject) => {
    const child = execFile(promtool, ['check', 'metrics'], { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      // Remarks alone make it end with a code; anything else means that it did not run.
      if (error !== null && typeof error.code !== 'number') return reject(error);
      const lines = `${stdout}${stderr}`.split('\n');
      resolve(lines.filter((line) => line !== '').sort());
    });
    child.stdin?.end(page);
  });
}
