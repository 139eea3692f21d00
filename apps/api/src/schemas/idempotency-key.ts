import * as z from 'zod';

const MAX_CHARACTERS = 255;

/**
 * Any character but controls, halves of a surrogate pair, line and paragraph separators, and code points that Unicode
 * says are none. Those that are not assigned yet pass: which they are depends on the age of this Node.
 */
const PRINTABLE = String.raw`^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]+$`;
const printable = new RegExp(PRINTABLE, 'u');

/**
 * Stays as Node reads a header, a character for each byte. What is hashed into the store is those bytes: two keys that
 * read the same, such as `é` composed and decomposed, or once in UTF-8 and once in Latin-1, are two keys.
 */
export const idempotencyKeySchema = z
  .string()
  .refine(isIdempotencyKey, `One to ${MAX_CHARACTERS} printable characters`)
  .describe('Any printable text; beyond ASCII in UTF-8. Compared byte for byte')
  .meta({ minLength: 1, maxLength: MAX_CHARACTERS, pattern: PRINTABLE });

function isIdempotencyKey(bytes: string): boolean {
  const text = textOf(bytes);
  // Spreading counts characters, as JSON Schema's maxLength does; `length` would count an emoji twice.
  return printable.test(text) && [...text].length <= MAX_CHARACTERS;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ASCII = /^[\x20-\x7e]*$/;

/** UTF-8, as RFC 9110 hints at; what is not that is Latin-1, which `fetch` makes of `é` when nobody encodes it. */
function textOf(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return bytes;
  }
}
