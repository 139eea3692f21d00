import { randomBytes, randomUUID } from 'node:crypto';

/** An id of EC2's present form: the kind and 17 hexadecimal digits. */
export function randomId(kind: 'i' | 'r'): string {
  return `${kind}-0${randomBytes(8).toString('hex')}`;
}

export function newRequestId(): string {
  return randomUUID();
}
