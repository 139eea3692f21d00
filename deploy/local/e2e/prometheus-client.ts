/** What a Prometheus tells about an alert that is pending or firing. */
export interface AlertView {
  labels: Record<string, string>;
  state: 'pending' | 'firing';
  activeAt: string;
  value: string;
}

/** Labels and the [Unix seconds, value] pair of one series. */
export interface InstantSample {
  metric: Record<string, string>;
  value: [number, string];
}

/** Labels and [Unix seconds, value] pairs of one series. */
export interface RangeSeries {
  metric: Record<string, string>;
  values: [number, string][];
}

export interface RuleView {
  name: string;
  health: 'ok' | 'err' | 'unknown';
  lastError?: string;
}

export interface TimeRange {
  /** Unix milliseconds. */
  from: number;
  to: number;
  stepSeconds: number;
}

/** Prometheus' HTTP API; each call throws with Prometheus' own words when it is refused. */
export interface PrometheusClient {
  alerts(): Promise<AlertView[]>;
  rules(): Promise<RuleView[]>;
  query(query: string): Promise<InstantSample[]>;
  queryRange(query: string, range: TimeRange): Promise<RangeSeries[]>;
  /** The values a label has on the series that a selector matches. */
  labelValues(label: string, selector: string): Promise<string[]>;
}

export function prometheusClient(url: string): PrometheusClient {
  async function get<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`Prometheus refused ${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }
  return {
    alerts: async () => (await get<{ alerts: AlertView[] }>('alerts')).alerts,
    rules: async () => (await get<{ groups: { rules: RuleView[] }[] }>('rules')).groups.flatMap(({ rules }) => rules),
    query: async (query) => (await get<{ result: InstantSample[] }>('query', { query })).result,
    async queryRange(query, { from, to, stepSeconds }) {
      const range = { start: String(from / 1000), end: String(to / 1000), step: String(stepSeconds) };
      return (await get<{ result: RangeSeries[] }>('query_range', { query, ...range })).result;
    },
    labelValues: (label, selector) => get(`label/${label}/values`, { 'match[]': selector }),
  };
}
