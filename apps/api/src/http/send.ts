import { hash } from 'node:crypto';
import type { Response } from 'express';
import { PROBLEM_CONTENT_TYPE, type Problem } from './problem.js';
import { contextOf } from './request-context.js';
import type { Reply } from './route.js';

/*
 * Answers are written with plain `writeHead` and `end`: Express's own `json` would look for charsets and settings
 * that this API does not use, on its hottest path.
 */

/** An API answers data, for one caller: nothing in it may be cached, sniffed or framed. */
export const SECURITY_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Not set on the response beforehand: Node then copies each header one by one when the answer is written. */
export function commonHeaders(response: Response): Record<string, string> {
  const { requestId, rateHeaders } = contextOf(response);
  return { 'X-Request-Id': requestId, ...rateHeaders };
}

export function sendReply(response: Response, { status, body, headers, waited }: Reply): void {
  if (waited) contextOf(response).untimed = true;
  if (body === undefined) {
    response.writeHead(status, { ...commonHeaders(response), ...SECURITY_HEADERS, ...headers }).end();
    return;
  }
  const text = JSON.stringify(body);
  if (status === 200 && READS.has(response.req.method)) {
    sendConditionally(response, text, headers);
    return;
  }
  sendText(response, { status, text, headers, contentType: 'application/json' });
}

const READS = new Set(['GET', 'HEAD']);

/** What was read may be kept by whoever read it, and is asked about instead of sent again. */
function sendConditionally(response: Response, text: string, headers: Reply['headers']): void {
  const etag = `"${hash('sha256', text, 'base64url').slice(0, 27)}"`;
  const caching = { ETag: etag, 'Cache-Control': 'private, no-cache', ...headers };
  if (matchesEtag(response.req.headers['if-none-match'], etag)) {
    response.writeHead(304, { ...commonHeaders(response), ...SECURITY_HEADERS, ...caching }).end();
    return;
  }
  sendText(response, { status: 200, text, headers: caching, contentType: 'application/json' });
}

/** RFC 9110: any of a list, a weak one as well as a strong one, or `*` for whatever there is. */
function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}

export function sendProblem(response: Response, problem: Problem): void {
  const context = contextOf(response);
  context.problemCode = problem.code;
  const body = problem.toBody(context.requestId);
  const text = JSON.stringify(body);
  sendText(response, { status: body.status, text, headers: problem.headers, contentType: PROBLEM_CONTENT_TYPE });
}

interface TextAnswer {
  status: number;
  text: string;
  headers: Readonly<Record<string, string>> | undefined;
  contentType: string;
}

function sendText(response: Response, { status, text, headers, contentType }: TextAnswer): void {
  const length = String(Buffer.byteLength(text));
  const about = { 'Content-Type': contentType, 'Content-Length': length };
  response.writeHead(status, { ...commonHeaders(response), ...SECURITY_HEADERS, ...about, ...headers }).end(text);
}
