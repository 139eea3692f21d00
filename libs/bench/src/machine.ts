import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** One line that says what the figures were measured on; the load tells whether somebody else was working there. */
export function describeMachine(): string {
  const cores = cpus();
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  const parts = [
    `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `Redis ${redis}`,
    `load ${loadavg()[0]?.toFixed(1)}`,
  ];
  return parts.join(', ');
}
