// Whether an operator's Prometheus sees of deploy/kubernetes what the rules in prometheus/rules are about.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IService } from 'kubernetes-models/v1/Service';
import { parse } from 'yaml';
import { PROMETHEUS_RULE_FILE, renderPrometheusRule, ruleGroups } from '../../src/prometheus-rule.js';
import { repositoryPath } from '../../src/repository.js';
import { type Manifest, objectsOf } from './kustomize.js';
import { describeOverlays } from './overlay-suite.js';

interface ScrapeJob {
  job_name: string;
  honor_labels: boolean;
}

const scrapeConfig: { global: { scrape_interval: string; scrape_timeout: string }; scrape_configs: ScrapeJob[] } =
  parse(readFileSync(repositoryPath('prometheus/prometheus.yml'), 'utf8'));

test('the PrometheusRule in the repository is what `npm run prometheus-rule` writes', () => {
  expect(readFileSync(PROMETHEUS_RULE_FILE, 'utf8')).toBe(renderPrometheusRule());
});

describeOverlays('monitoring', (overlay, objects) => {
  if (overlay !== 'production') {
    test('a trial needs no Prometheus Operator', () => {
      expect(objects.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.coreos.com/'))).toEqual([]);
    });
    return;
  }

  test('the rules arrive as they are written in prometheus/rules', () => {
    const [rule] = objectsOf<Manifest & { spec: unknown }>(objects, 'PrometheusRule');
    expect(rule?.spec).toEqual({ groups: ruleGroups() });
  });

  // The names, honor_labels and intervals that the rules and their tests rely on.
  test.each(scrapeConfig.scrape_configs)('the ServiceMonitor makes the same of its pages as $job_name', (job) => {
    const [monitor] = objectsOf<Manifest & IServiceMonitor>(objects, 'ServiceMonitor', job.job_name);
    const services = objectsOf<Manifest & IService>(objects, 'Service').filter(({ metadata }) =>
      Object.entries(monitor?.spec.selector.matchLabels ?? {}).every(
        ([key, value]) => metadata.labels?.[key] === value,
      ),
    );
    expect(services).toHaveLength(1);
    expect(services[0]?.metadata.labels?.[monitor?.spec.jobLabel ?? '']).toBe(job.job_name);
    expect(services[0]?.metadata.namespace).toBe(monitor?.metadata.namespace);

    expect(monitor?.spec.endpoints).toEqual([
      {
        port: expect.any(String),
        path: '/metrics',
        interval: scrapeConfig.global.scrape_interval,
        scrapeTimeout: scrapeConfig.global.scrape_timeout,
        honorLabels: job.honor_labels,
      },
    ]);
    const port = services[0]?.spec?.ports?.find(({ name }) => name === monitor?.spec.endpoints[0]?.port);
    const [deployment] = objectsOf<Manifest & IDeployment>(objects, 'Deployment', job.job_name);
    const containerPorts = deployment?.spec?.template.spec?.containers[0]?.ports ?? [];
    expect(containerPorts.map(({ name }) => name)).toContain(port?.targetPort);
  });
});
