import fc from 'fast-check';
import type { JsonSchema, OpenApiDocument, OperationObject, ParameterObject } from '../openapi/document-types.js';

export interface FuzzRequest {
  method: string;
  /** The path template of the operation it began as. */
  template: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | null;
}

/** Requests that begin as the document's own operations and go wrong in every way a client can think of. */
export function fuzzRequests(document: OpenApiDocument, known: Record<string, string>): fc.Arbitrary<FuzzRequest> {
  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ template, method, operation })),
  );
  return fc.constantFrom(...operations).chain(({ template, method, operation }) =>
    fc
      .record({
        method: mostly(fc.constant(method.toUpperCase()), fc.constantFrom('PUT', 'PATCH', 'OPTIONS', 'DELETE', 'GET')),
        path: pathOf(template, known),
        query: queryOf(operation),
        headers: headersOf(operation),
        body: bodyOf(document, operation),
        type: mostly(
          fc.constant('application/json'),
          fc.constantFrom('text/plain', 'application/json; charset=utf-16', ''),
        ),
      })
      .map(({ path, query, headers, body, type, ...rest }) => ({
        ...rest,
        template,
        path: query === '' ? path : `${path}?${query}`,
        headers: { ...headers, ...(body !== null && framing(body, type)) },
        body,
      })),
  );
}

/** The length is named: Node would send the body of a GET without it, as the start of another request. */
function framing(body: Buffer, type: string): Record<string, string> {
  return { 'content-length': String(body.length), ...(type !== '' && { 'content-type': type }) };
}

function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

/** What breaks programs: prototype keys, controls, halves of surrogates, numbers at the edges, other scripts. */
const HOSTILE_TEXT = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '\u0000',
    '\ud800',
    '../../etc/passwd',
    '{{7*7}}',
    "' OR 1=1 --",
  ),
  fc.constantFrom(
    '%00',
    'null',
    'NaN',
    '-1',
    '1e999',
    '9'.repeat(400),
    '💥'.repeat(70),
    '\u202e',
    'rly_use1_0000000000000000',
  ),
  fc.string({ unit: 'binary', maxLength: 80 }),
);

const encode = (text: string): string => encodeURIComponent(text.replace(/\p{Cs}/gu, '?'));

function pathOf(template: string, known: Record<string, string>): fc.Arbitrary<string> {
  const parts = template.split('/').map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return fc.constant(part);
    const odd = fc.oneof(HOSTILE_TEXT.map(encode), fc.constantFrom('%ZZ', '%E0%A4', '%2e%2e', '%2F', '.'));
    return mostly(
      fc.constant(known[name] ?? 'x'),
      odd.map((text) => text || 'x'),
    );
  });
  return fc.tuple(...parts).map((each) => each.join('/'));
}

function named(operation: OperationObject, place: ParameterObject['in']): ParameterObject[] {
  return (operation.parameters ?? []).filter((parameter) => parameter.in === place);
}

function queryOf(operation: OperationObject): fc.Arbitrary<string> {
  const names = [...named(operation, 'query').map(({ name }) => name), 'nope', '__proto__'];
  const value = fc.oneof(HOSTILE_TEXT, fc.constantFrom('1', '50', 'active', 'auto', '2026-01-01T00:00:00Z', 'a=b', ''));
  const pair = fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `${encode(name)}=${encode(text)}`);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    fc.array(pair, { maxLength: 4 }).map((all) => all.join('&')),
  );
}

/** Text as clients encode it: of every script, up to and past what a key may hold. Node's client sends no ASCII control. */
const UTF8_TEXT = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replace(/(?=\p{ASCII})\p{Cc}/gu, ' ')),
    fc.constantFrom('\u{1f680}'.repeat(255), '\u{1f680}'.repeat(256)),
  )
  .map((text) => Buffer.from(text).toString('latin1'));

/** Node's client sends what HTTP allows in a header: visible ASCII, blanks and bytes past it. */
const HEADER_BYTES = fc
  .array(
    fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f),
    { maxLength: 40 },
  )
  .map((codes) => String.fromCharCode(...codes));

function headersOf(operation: OperationObject): fc.Arbitrary<Record<string, string>> {
  const names = [
    ...named(operation, 'header').map(({ name }) => name.toLowerCase()),
    'x-request-id',
    'accept',
    'range',
    'expect-ct',
  ];
  const value = fc.oneof(
    HEADER_BYTES,
    UTF8_TEXT,
    fc.constantFrom('wait=0', 'W/"x"', '*', '0', 'gzip', 'application/xml'),
  );
  return fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3, noNullPrototype: true });
}

function bodyOf(document: OpenApiDocument, operation: OperationObject): fc.Arbitrary<Buffer | null> {
  const schema = operation.requestBody?.content['application/json']?.schema;
  const valid = schema ? fromSchema(document, schema).map((value) => JSON.stringify(value)) : fc.constant('{}');
  const deep = fc.integer({ min: 1, max: 5_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  const odd = fc.oneof(
    fc.json(),
    deep,
    HOSTILE_TEXT,
    fc.constantFrom('{"__proto__":{"x":1}}', '{"a":1,"a":2}', '[', '"\\ud800"'),
  );
  const text = mostly(valid, odd).map((each) => Buffer.from(each));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
  const huge = fc.constant(Buffer.alloc(70_000, 0x20));
  return fc.oneof(
    { weight: 8, arbitrary: text },
    { weight: 1, arbitrary: bytes },
    { weight: 1, arbitrary: huge },
    fc.constant(null),
  );
}

/** Mostly what the schema asks for, with something else in its place here and there. */
function fromSchema(document: OpenApiDocument, schema: JsonSchema): fc.Arbitrary<unknown> {
  return mostly(validOf(document, schema), fc.oneof(fc.jsonValue(), HOSTILE_TEXT));
}

function validOf(document: OpenApiDocument, schema: JsonSchema): fc.Arbitrary<unknown> {
  if (typeof schema.$ref === 'string') {
    return validOf(document, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  }
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (Array.isArray(schema.anyOf)) return fc.oneof(...schema.anyOf.map((each: JsonSchema) => validOf(document, each)));
  switch (schema.type) {
    case 'object':
      return objectOf(document, schema);
    case 'array':
      return fc.array(validOf(document, (schema.items ?? {}) as JsonSchema), { maxLength: 3 });
    case 'integer':
      return fc.oneof(
        fc.integer({ min: Number(schema.minimum ?? 0), max: Math.min(Number(schema.maximum ?? 10), 100_000) }),
        fc.double(),
      );
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return schema.format === 'date-time'
        ? fc.constant('2999-01-01T00:00:00Z')
        : fc.oneof(fc.constant('fuzz'), HOSTILE_TEXT);
  }
}

function objectOf(document: OpenApiDocument, schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  const fields = Object.fromEntries(properties.map(([name, each]) => [name, fromSchema(document, each)]));
  const required = Array.isArray(schema.required) ? (schema.required as string[]) : [];
  const known = fc.record(fields, { requiredKeys: required, noNullPrototype: true });
  if (properties.length > 0) return known;
  return fc.dictionary(
    fc.oneof(fc.constantFrom('team', 'a/b'), HOSTILE_TEXT),
    fc.oneof(fc.constant('v'), HOSTILE_TEXT),
    { maxKeys: 20 },
  );
}
