import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { repositoryPath } from './repository.js';

const RULES = repositoryPath('prometheus/rules');

export const PROMETHEUS_RULE_FILE = repositoryPath('deploy/kubernetes/monitoring/prometheus-rule.yaml');

const HEADER = '# Written by `npm run prometheus-rule` from prometheus/rules. Change those files, not this one.\n';

interface RuleFile {
  groups: readonly { name: string; rules: readonly object[] }[];
}

/** All groups of prometheus/rules, in the order of their files. */
export function ruleGroups(): RuleFile['groups'] {
  const files = readdirSync(RULES).filter((name) => name.endsWith('.yml'));
  return files.sort().flatMap((name) => (parse(readFileSync(join(RULES, name), 'utf8')) as RuleFile).groups);
}

/** The rules as the resource that the Prometheus Operator reads: one source for both ways of running Prometheus. */
export function renderPrometheusRule(): string {
  const resource = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'aegis' },
    spec: { groups: ruleGroups() },
  };
  // Without aliases and folded blocks, which not every reader of manifests takes in the same way.
  return HEADER + stringify(resource, { aliasDuplicateObjects: false, blockQuote: 'literal', lineWidth: 0 });
}
