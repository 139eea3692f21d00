import type { RelayAnswer } from './relay-client.js';

export const LOCAL_KEY = 'aegis-local-dev-key';

export interface ApiAnswer<Body> {
  /** 0: the connection failed. */
  status: number;
  contentType: string | null;
  body: Body;
  tookMs: number;
}

export interface ApiCall {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: object;
  key?: string;
  headers?: Record<string, string>;
}

/** One request to the api, whatever becomes of it. */
export async function callApi<Body = RelayAnswer & { code?: string }>(
  url: string,
  { method = 'GET', body, key = LOCAL_KEY, headers }: ApiCall = {},
): Promise<ApiAnswer<Body>> {
  const startedAt = performance.now();
  const tookMs = () => performance.now() - startedAt;
  try {
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const contentType = answer.headers.get('content-type');
    return { status: answer.status, contentType, body: JSON.parse(text || 'null') as Body, tookMs: tookMs() };
  } catch {
    return { status: 0, contentType: null, body: {} as Body, tookMs: tookMs() };
  }
}
