import createClient, { type Client } from 'openapi-fetch';
import { encodeHeaders } from './encode-headers.js';
import type { components, paths } from './schema.js';

export type Relay = components['schemas']['Relay'];
export type RelayEvent = components['schemas']['RelayEvent'];

export interface AegisClientOptions {
  /** Where the API is: `https://aegis.example.com`. */
  baseUrl: string;
  /** The API key. */
  key: string;
  /** Default: the global one. */
  fetch?: typeof globalThis.fetch;
}

/**
 * A client of the API whose paths, parameters, bodies and answers are typed by the API's own document:
 * `const { data, error } = await client.GET('/api/v1/relays/{id}', { params: { path: { id } } })`. Header parameters may
 * hold any text, and are sent in UTF-8.
 */
export type AegisClient = Client<paths>;

export function createAegisClient({ baseUrl, key, fetch }: AegisClientOptions): AegisClient {
  const client = createClient<paths>({
    baseUrl,
    headers: { Authorization: `Bearer ${key}` },
    // Looked up at each call, so that a replaced global one is used.
    fetch: (request) => (fetch ?? globalThis.fetch)(request),
  });
  return encodeHeaders(client);
}
