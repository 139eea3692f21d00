import type { Client } from 'openapi-fetch';

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE'] as const;

const HALF_CHARACTER = /\p{Cs}/u;

type HeaderParams = Readonly<Record<string, unknown>>;
type Init = { params?: { header?: HeaderParams } } | undefined;
type Call = (path: string, init?: Init) => unknown;

/**
 * Lets header parameters be any text. `fetch` takes a character for each byte of a header: it would send some of what is
 * beyond ASCII as Latin-1, and refuse the rest.
 */
export function encodeHeaders<Paths extends object>(client: Client<Paths>): Client<Paths> {
  const calls = client as unknown as Record<(typeof METHODS)[number], Call>;
  const encoding = METHODS.map(
    (method) => [method, (path, init) => calls[method](path, encoded(init))] as const,
  ) satisfies [string, Call][];
  return { ...client, ...Object.fromEntries(encoding) };
}

function encoded(init: Init): Init {
  const header = init?.params?.header;
  if (header === undefined) return init;
  const entries = Object.entries(header).map(([name, value]) => [
    name,
    typeof value === 'string' ? utf8Bytes(name, value) : value,
  ]);
  return { ...init, params: { ...init?.params, header: Object.fromEntries(entries) } };
}

/** A character for each byte of its UTF-8. */
function utf8Bytes(name: string, text: string): string {
  // Half of a surrogate pair has no bytes; what stands in for it would make different texts the same.
  if (HALF_CHARACTER.test(text)) throw new TypeError(`${name} holds half of a character`);
  return Buffer.from(text).toString('latin1');
}
