// Writes the PrometheusRule of deploy/kubernetes from prometheus/rules: `npm run prometheus-rule`.
import { writeFileSync } from 'node:fs';
import { PROMETHEUS_RULE_FILE, renderPrometheusRule } from './dist/prometheus-rule.js';

writeFileSync(PROMETHEUS_RULE_FILE, renderPrometheusRule());
