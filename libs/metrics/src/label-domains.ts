import { RELAY_REASONS, RELAY_STATES } from '@aegis/relays';
import * as values from './label-values.js';

export interface HttpRoute {
  readonly method: string;
  /** The template, never a path: `/api/v1/relays/{id}`. */
  readonly route: string;
}

export interface LabelOptions {
  readonly app: values.App;
  readonly version: string;
  /** Configured regions. */
  readonly regions: readonly string[];
  /** Defaults to `ec2`. */
  readonly provider?: string;
  /** Instance types of all regions' offerings. */
  readonly instanceTypes?: readonly string[];
  /** The routes this process serves; any other request counts under method and route `other`. */
  readonly httpRoutes?: readonly HttpRoute[];
  /** Catalogued jobs; defaults to all of the product's. */
  readonly jobs?: readonly string[];
}

/** Closed sets of label values: what is known from start-up. Anything else becomes `other`. */
export type Domains = ReturnType<typeof labelDomains>;
export type DomainName =
  | 'app'
  | 'version'
  | 'nodeVersion'
  | 'provider'
  | 'region'
  | 'provisionStatus'
  | 'deprovisionStatus'
  | 'job'
  | 'jobStatus'
  | 'awsOperation'
  | 'awsStatus'
  | 'retryReason'
  | 'relayState'
  | 'relayReason'
  | 'queueState'
  | 'freezeSwitch'
  | 'sweepRule'
  | 'disagreementKind'
  | 'claimOutcome'
  | 'instanceType'
  | 'market'
  | 'capacityOutcome'
  | 'httpMethod'
  | 'httpRoute'
  | 'httpCode'
  | 'eventSink';

export function labelDomains(options: LabelOptions) {
  const routes = options.httpRoutes ?? [];
  const known: Record<DomainName, readonly string[]> = {
    app: [options.app],
    version: [options.version],
    nodeVersion: [process.version],
    provider: [options.provider ?? 'ec2'],
    region: unique(options.regions),
    provisionStatus: values.PROVISION_STATUSES,
    deprovisionStatus: values.DEPROVISION_STATUSES,
    job: unique(options.jobs ?? values.JOB_NAMES),
    jobStatus: values.JOB_STATUSES,
    awsOperation: values.AWS_OPERATIONS,
    awsStatus: values.AWS_STATUSES,
    retryReason: values.RETRY_REASONS,
    relayState: RELAY_STATES,
    relayReason: RELAY_REASONS,
    queueState: values.QUEUE_STATES,
    freezeSwitch: values.FREEZE_SWITCHES,
    sweepRule: values.SWEEP_RULES,
    disagreementKind: values.DISAGREEMENT_KINDS,
    claimOutcome: values.CLAIM_OUTCOMES,
    instanceType: unique(options.instanceTypes ?? []),
    market: values.MARKETS,
    capacityOutcome: values.CAPACITY_OUTCOMES,
    // Unmatched requests are expected, so their pair exists from the start like a route's own.
    httpMethod: unique([...routes.map((route) => route.method), values.OTHER]),
    httpRoute: unique([...routes.map((route) => route.route), values.OTHER]),
    httpCode: values.HTTP_CODES,
    eventSink: values.EVENT_SINKS,
  };
  const endpoints = new Set(routes.map(({ method, route }) => `${method} ${route}`));
  endpoints.add(`${values.OTHER} ${values.OTHER}`);
  const sets = new Map<string, ReadonlySet<string>>(Object.entries(known).map(([name, list]) => [name, new Set(list)]));
  return {
    known,
    /** Methods and routes are one dimension: only declared pairs exist. */
    isEndpoint: (method: string, route: string) => endpoints.has(`${method} ${route}`),
    normalise: (domain: DomainName, value: string) => (sets.get(domain)?.has(value) ? value : values.OTHER),
  };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
