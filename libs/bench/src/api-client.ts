import { Pool } from 'undici';

/** The fields of a relay that benchmarks look at. */
export interface RelayBody {
  id: string;
  state: string;
  address: string | null;
}

/** A client of the product's REST api that keeps its connections, so that none is opened while something is measured. */
export interface ApiClient {
  create(body?: object): Promise<RelayBody>;
  remove(id: string): Promise<void>;
  relay(id: string): Promise<RelayBody>;
  page(query: string): Promise<{ relays: RelayBody[]; nextCursor: string | null }>;
  close(): Promise<void>;
}

const HEADERS = { authorization: 'Bearer aegis-local-dev-key', 'content-type': 'application/json' };
const RELAYS = '/api/v1/relays';

export function createApiClient(url: string, connections = 16): ApiClient {
  const pool = new Pool(url, { connections });

  async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const answer = await pool.request({
      method,
      path,
      headers: HEADERS,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.statusCode >= 300) {
      throw new Error(`${method} ${path} answered ${answer.statusCode}: ${await answer.body.text()}`);
    }
    return (await answer.body.json()) as T;
  }

  return {
    create: (body = {}) => call('POST', RELAYS, body),
    remove: async (id) => {
      await call('DELETE', `${RELAYS}/${id}`);
    },
    relay: (id) => call('GET', `${RELAYS}/${id}`),
    page: (query) => call('GET', `${RELAYS}?${query}`),
    close: () => pool.close(),
  };
}
