import type { Ec2Error } from './ec2-error.js';

export type XmlValue = string | number | boolean | null | undefined | XmlObject | readonly XmlValue[];
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

/**
 * Appends one element; absent values make no element, a list becomes `<name><item>…</item></name>` as everywhere in
 * EC2. Pieces are collected and joined once, which for a page of a thousand instances is far cheaper than adding strings.
 */
function element(name: string, value: XmlValue, out: string[]): void {
  if (value === undefined || value === null) return;
  out.push('<', name, '>');
  if (typeof value === 'string') out.push(escapeText(value));
  else if (typeof value === 'number' || typeof value === 'boolean') out.push(String(value));
  else if (isList(value)) for (const member of value) element('item', member, out);
  else elements(value, out);
  out.push('</', name, '>');
}

function elements(values: XmlObject, out: string[]): void {
  for (const name in values) element(name, values[name], out);
}

function isList(value: XmlObject | readonly XmlValue[]): value is readonly XmlValue[] {
  return Array.isArray(value);
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function responseXml(operation: string, requestId: string, body: XmlObject): string {
  const root = `${operation}Response`;
  const out = [DECLARATION, '<', root, ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'];
  elements({ requestId, ...body }, out);
  out.push('</', root, '>');
  return out.join('');
}

export function errorXml(error: Pick<Ec2Error, 'code' | 'message'>, requestId: string): string {
  const out = [DECLARATION];
  const Errors = { Error: { Code: error.code, Message: error.message } };
  element('Response', { Errors, RequestID: requestId }, out);
  return out.join('');
}
