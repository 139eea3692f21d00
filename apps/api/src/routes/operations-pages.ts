import type { AegisConfig } from '@aegis/config';
import * as z from 'zod';
import type { ProblemCode } from '../http/problem-codes.js';

/** A page that is served beside the table of routes: for probes, Prometheus and people. It takes no API key. */
export interface OperationsPage {
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  /** Whoever asks must show the metrics page's own token. */
  takesMetricsToken: boolean;
  /** What it answers besides problems, by status. */
  answers: Readonly<Record<number, PageAnswer>>;
  problems: readonly ProblemCode[];
}

export interface PageAnswer {
  description: string;
  contentTypes: readonly string[];
  /** Of JSON. */
  schema?: z.ZodType;
}

const healthSchema = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

const readinessSchema = z
  .strictObject({
    status: z.enum(['starting', 'ready', 'unready', 'draining']),
    checks: z
      .record(z.string(), z.enum(['ok', 'failed', 'timeout']))
      .describe('What it needs, and whether that answers'),
  })
  .meta({ id: 'Readiness' });

const JSON_TYPE = 'application/json';

const PAGES = [
  {
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether the process lives',
    takesMetricsToken: false,
    answers: { 200: { description: 'It does', contentTypes: [JSON_TYPE], schema: healthSchema } },
    problems: [],
  },
  {
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether the process can serve',
    takesMetricsToken: false,
    answers: {
      200: { description: 'It can', contentTypes: [JSON_TYPE], schema: readinessSchema },
      503: {
        description: 'Not yet, not now or not any more; the body tells why',
        contentTypes: [JSON_TYPE],
        schema: readinessSchema,
      },
    },
    problems: [],
  },
  {
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'The metrics of this process',
    description: 'In the form that `Accept` prefers; docs/metrics.md tells what each family means.',
    takesMetricsToken: true,
    answers: {
      200: { description: 'For Prometheus', contentTypes: ['text/plain', 'application/openmetrics-text'] },
    },
    problems: ['rate_limited'],
  },
  {
    path: '/openapi.json',
    operationId: 'getOpenApiDocument',
    summary: 'This document',
    takesMetricsToken: false,
    answers: { 200: { description: 'OpenAPI 3.1', contentTypes: [JSON_TYPE], schema: z.looseObject({}) } },
    problems: ['rate_limited'],
  },
  {
    path: '/docs',
    operationId: 'getDocs',
    summary: 'This document in a browser',
    takesMetricsToken: false,
    answers: { 200: { description: 'A page; what it loads comes from below `/docs/`', contentTypes: ['text/html'] } },
    problems: ['rate_limited'],
  },
] as const satisfies readonly OperationsPage[];

/** The pages of this server. The metrics may be on a port of their own, and may be open to everybody. */
export function operationsPages({ api: { metrics } }: Pick<AegisConfig, 'api'>): OperationsPage[] {
  return PAGES.filter(({ path }) => path !== '/metrics' || metrics.port === undefined).map((page) => ({
    ...page,
    takesMetricsToken: page.takesMetricsToken && metrics.bearerToken !== undefined,
  }));
}
