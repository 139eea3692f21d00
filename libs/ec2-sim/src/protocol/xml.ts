import type { Ec2Error } from './ec2-error.js';

/** A list may be one whose members are made as they are written. */
export type XmlValue = string | number | boolean | null | undefined | XmlObject | Iterable<XmlValue>;
export interface XmlObject {
  readonly [element: string]: XmlValue;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const SPECIAL = /[&<>"'\p{Cc}\ufffe\uffff]/u;

/** Characters XML 1.0 cannot hold even escaped are replaced; line ends are escaped, for parsers normalise bare ones. */
function escapeText(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
    .replace(/[\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[\p{Cc}\ufffe\uffff]/gu, '\ufffd');
}

/** Of an answer, in strings that are joined: a few instances, which take less than a millisecond. */
const PIECE = 1_024;

/**
 * Appends one element; absent values make no element, a list becomes `<name><item>…</item></name>` as everywhere in
 * EC2. Strings are collected and joined to pieces, which for a page of a thousand instances is far cheaper than adding
 * them, and each piece is given away as soon as it is there.
 */
function* element(name: string, value: XmlValue, out: string[]): Generator<string> {
  if (value === undefined || value === null) return;
  out.push('<', name, '>');
  if (typeof value !== 'object') out.push(typeof value === 'string' ? escapeText(value) : String(value));
  else if (isList(value)) for (const member of value) yield* element('item', member, out);
  else yield* elements(value, out);
  out.push('</', name, '>');
  if (out.length < PIECE) return;
  yield out.join('');
  out.length = 0;
}

function* elements(values: XmlObject, out: string[]): Generator<string> {
  for (const name in values) yield* element(name, values[name], out);
}

function isList(value: XmlObject | Iterable<XmlValue>): value is Iterable<XmlValue> {
  return Symbol.iterator in value;
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** An answer in pieces, each made when it is asked for, so that a long one need not be made in one go. */
export function* responseXml(operation: string, requestId: string, body: XmlObject): Generator<string> {
  const root = `${operation}Response`;
  const out = [DECLARATION, '<', root, ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'];
  yield* elements({ requestId, ...body }, out);
  out.push('</', root, '>');
  yield out.join('');
}

export function* errorXml(error: Pick<Ec2Error, 'code' | 'message'>, requestId: string): Generator<string> {
  const Errors = { Error: { Code: error.code, Message: error.message } };
  const out = [DECLARATION];
  yield* element('Response', { Errors, RequestID: requestId }, out);
  yield out.join('');
}
