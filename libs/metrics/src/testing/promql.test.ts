import { expect, test } from '@jest/globals';
import { findSelectors } from './promql.js';

test.each([
  ['rate(a_total{status="error"}[5m]) > 0', ['a_total{status=error}']],
  ['sum by (region) (increase(a_total[5m])) > on (region) b:c', ['a_total{}', 'b:c{}']],
  ['histogram_quantile(0.95, sum by (le) (rate(a_bucket{le=~"1.5e3|{x}"}[5m]))) > 1e3', ['a_bucket{le=~1.5e3|{x}}']],
  ['time() - max by (region) (a) > 600 unless on () b == bool 1 or vector(0)', ['a{}', 'b{}']],
  ['a offset 5m # and not c\n/ b{x!=\'y\', z!~"q"}', ['a{}', 'b{x!=y,z!~q}']],
])('%s', (expression, expected) => {
  const found = findSelectors(expression).map(
    ({ metric, matchers }) => `${metric}{${matchers.map((m) => m.label + m.operator + m.value).join(',')}}`,
  );
  expect(found).toEqual(expected);
});
