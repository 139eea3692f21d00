// The services of compose.yaml that watch the others, and the files they are given.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { findProgram } from '../../src/monitoring.js';
import { repositoryPath } from '../../src/repository.js';
import { freshFolder } from './fresh-folder.js';
import { composePath, readCompose, readNamed, type Service, serviceOf } from './read-compose.js';
import { readDockerfile, resolveStage } from './read-dockerfile.js';

const run = promisify(execFile);

const compose = readCompose();
const service = (name: 'prometheus' | 'grafana'): Service => serviceOf(compose, name);
const folder = freshFolder('aegis-compose-');

describe('prometheus', () => {
  interface ScrapeJob {
    job_name: string;
    honor_labels: boolean;
    dns_sd_configs?: { names: string[]; type: string; port: number }[];
  }
  const own = parse(readNamed(compose.configs.prometheus?.file ?? ''));
  const original = parse(readFileSync(repositoryPath('prometheus/prometheus.yml'), 'utf8'));

  test('has the settings of the repository, with other addresses', () => {
    const { scrape_configs: jobs, alerting, ...rest } = own;
    const { scrape_configs: originalJobs, alerting: _, ...originalRest } = original;
    expect(rest).toEqual(originalRest);
    const names = (list: ScrapeJob[]) => list.map(({ job_name, honor_labels }) => ({ job_name, honor_labels }));
    expect(names(jobs)).toEqual(names(originalJobs));
    expect(names(jobs).map(({ job_name }) => job_name)).toEqual(['aegis-api', 'aegis-jobs']);
    expect(alerting.alertmanagers[0].static_configs[0].targets).toEqual(['alertmanager:9093']);
  });

  test('scrapes the ports the images listen on', () => {
    for (const { job_name, dns_sd_configs } of own.scrape_configs as ScrapeJob[]) {
      const name = job_name.replace('aegis-', '');
      const [port] = resolveStage(readDockerfile(), name).ports;
      expect(dns_sd_configs).toEqual([expect.objectContaining({ names: [name], type: 'A', port })]);
    }
  });

  test('reads the rules of the repository from where they are mounted', () => {
    const config = service('prometheus').configs?.find(({ source }) => source === 'prometheus');
    const rules = service('prometheus').volumes?.find((volume) => volume.includes('/rules'));
    expect(rules).toBe('../../prometheus/rules:/etc/prometheus/rules:ro');
    expect(config?.target).toBe('/etc/prometheus/prometheus.yml');
    expect(own.rule_files).toEqual(['rules/*.yml']);
  });

  const promtool = findProgram('promtool');
  const skipped = promtool === null && !process.env.CI;
  if (skipped) process.stderr.write('skipped: promtool is not on PATH (apt-get install prometheus)\n');

  (skipped ? test.skip : test)('passes promtool, laid out as in the container', async () => {
    const etc = join(folder(), 'prometheus');
    await mkdir(join(etc, 'rules'), { recursive: true });
    await writeFile(join(etc, 'prometheus.yml'), readNamed(compose.configs.prometheus?.file ?? ''));
    const rules = repositoryPath('prometheus/rules');
    for (const name of readdirSync(rules)) {
      await writeFile(join(etc, 'rules', name), readFileSync(join(rules, name)));
    }
    const { stdout } = await run(promtool ?? 'promtool', ['check', 'config', join(etc, 'prometheus.yml')]);
    for (const name of readdirSync(rules)) expect(stdout).toContain(`${name}\n  SUCCESS`);
  });
});

describe('grafana', () => {
  const mountedAt = (target: string): string | undefined =>
    service('grafana')
      .volumes?.find((volume) => volume.split(':')[1] === target)
      ?.split(':')[0];

  test('is provisioned with the dashboards of the repository', () => {
    const provisioning = mountedAt('/etc/grafana/provisioning/dashboards') ?? '';
    const [file = '', ...others] = readdirSync(composePath(provisioning));
    expect(others).toEqual([]);
    const [provider] = parse(readNamed(join(provisioning, file))).providers;
    const dashboards = composePath(mountedAt(provider.options.path) ?? 'nowhere');
    expect(dashboards).toBe(repositoryPath('deploy/grafana/dashboards'));
    expect(readdirSync(dashboards).filter((name) => name.endsWith('.json')).length).toBeGreaterThanOrEqual(6);
  });

  test('finds Prometheus as the dashboards expect it', () => {
    const local = parse(readFileSync(repositoryPath('deploy/grafana/provisioning/datasources/prometheus.yml'), 'utf8'));
    const own = parse(readNamed(compose.configs['grafana-datasource']?.file ?? ''));
    const [{ url, ...rest }] = own.datasources;
    const [{ url: _, ...localRest }] = local.datasources;
    expect(rest).toEqual(localRest);
    expect(url).toBe('http://prometheus:9090');
  });

  test('takes its password from a secret and calls nobody', () => {
    const { environment = {}, secrets } = service('grafana');
    expect(environment.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe('/run/secrets/grafana_password');
    expect(secrets).toEqual(['grafana_password']);
    expect(environment.GF_ANALYTICS_REPORTING_ENABLED).toBe('false');
  });
});
