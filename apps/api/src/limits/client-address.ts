import { isIPv6 } from 'node:net';
import type { Request } from 'express';

const LONGEST = 64;

/** Who the client is by its network address; behind trusted proxies, what the first untrusted hop before them said. */
export function clientAddress(request: Request): string {
  return (request.ip ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '').slice(0, LONGEST);
}

/** What to count by: an IPv4 address, or the /64 that one IPv6 subscriber has to himself. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const gap =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...gap, ...after].slice(0, 4).join(':')}::/64`;
}
