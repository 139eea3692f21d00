/**
 * Tenants of a batch, in order, as one string of characters EC2 takes in any tag value.
 *
 * Runs are separated by `:`. A run is a tenant and, when it counts more than one relay, `+` and the count. A tenant is
 * written out where that is shortest, else as `@` and its place among the distinct tenants met so far, base 36; this
 * keeps batches that alternate between a few tenants as small as sorted ones. The empty tenant (a warm relay nobody
 * owns) always carries its count. Characters that mean something here, or that EC2 may refuse, are `=` and two
 * hexadecimal digits for each UTF-8 byte.
 *
 * `acme+3:beta:@0+2:+4` reads acme ×3, beta, acme ×2, nobody ×4.
 */
export function encodeTenants(tenants: readonly string[]): string {
  const places = new Map<string, string>();
  const runs: string[] = [];
  for (let start = 0; start < tenants.length; ) {
    const tenant = tenants[start] ?? '';
    let end = start + 1;
    while (end < tenants.length && tenants[end] === tenant) end += 1;
    runs.push(encodeRun(tenant, end - start, places));
    start = end;
  }
  return runs.join(':');
}

/** The inverse of `encodeTenants`; null when the text is not of its making, or holds more than `most` tenants. */
export function decodeTenants(text: string, most: number): string[] | null {
  const known: string[] = [];
  const seen = new Set<string>();
  const tenants: string[] = [];
  for (const run of text.split(':')) {
    const parts = RUN.exec(run);
    if (parts === null) return null;
    const tenant = decodeName(parts[1] ?? '', known);
    const count = parts[2] === undefined ? 1 : Number(parts[2]);
    if (tenant === null || tenants.length + count > most) return null;
    if (!seen.has(tenant)) {
      seen.add(tenant);
      known.push(tenant);
    }
    for (let i = 0; i < count; i += 1) tenants.push(tenant);
  }
  return tenants;
}

const RUN = /^([^+:]*)(?:\+([1-9][0-9]*))?$/;
const PLAIN = /^[A-Za-z0-9_./-]$/;

function encodeRun(tenant: string, count: number, places: Map<string, string>): string {
  const literal = escapeName(tenant);
  const place = places.get(tenant);
  if (place === undefined) places.set(tenant, `@${places.size.toString(36)}`);
  const name = place !== undefined && place.length < literal.length ? place : literal;
  return count > 1 || tenant === '' ? `${name}+${count}` : name;
}

function decodeName(name: string, known: readonly string[]): string | null {
  if (!name.startsWith('@')) return unescapeName(name);
  if (!/^@[0-9a-z]+$/.test(name)) return null;
  return known[Number.parseInt(name.slice(1), 36)] ?? null;
}

function escapeName(tenant: string): string {
  let text = '';
  for (const character of tenant) {
    text += PLAIN.test(character)
      ? character
      : [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join('');
  }
  return text;
}

function unescapeName(text: string): string | null {
  if (!/^(?:[A-Za-z0-9_./-]|=[0-9a-f]{2})*$/.test(text)) return null;
  const bytes = text.replaceAll(/=([0-9a-f]{2})/g, '%$1');
  try {
    return decodeURIComponent(bytes);
  } catch {
    // Bytes that are no UTF-8: somebody else wrote this tag.
    return null;
  }
}
