import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * A key is `ak_<id>_<secret><check>`. The check is a MAC over the rest: whatever was not issued here is known for what it
 * is without asking the store, so guessing costs the guesser's time and none of Redis'.
 */

const TOKEN = /^ak_([0-9a-z]{14})_([\w-]{43})([\w-]{8})$/;
const SECRET_BYTES = 32;
const CHECK_LENGTH = 8;
const SALT_BYTES = 16;

export interface PresentedKey {
  id: string;
  secret: string;
}

/** What is stored of a secret. It is random and long, so one round of a fast hash is enough: there is nothing to guess. */
export interface SecretHash {
  salt: string;
  hash: string;
}

function check(deploymentSecret: string, id: string, secret: string): string {
  const mac = createHmac('sha256', deploymentSecret).update(`api-key\n${id}\n${secret}`).digest('base64url');
  return mac.slice(0, CHECK_LENGTH);
}

/** A fresh secret for a key: shown once as the token, kept as its hash. */
export function issueKey(deploymentSecret: string, id: string): { token: string; stored: SecretHash } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  const token = `ak_${id}_${secret}${check(deploymentSecret, id, secret)}`;
  return { token, stored: { salt, hash: hashSecret(secret, salt) } };
}

/** Null for whatever was not issued by this deployment. */
export function parseKey(deploymentSecret: string, token: string): PresentedKey | null {
  const [, id, secret, presented] = TOKEN.exec(token) ?? [];
  if (!id || !secret || !presented) return null;
  return sameText(check(deploymentSecret, id, secret), presented) ? { id, secret } : null;
}

export function isSecret(secret: string, { salt, hash }: SecretHash): boolean {
  return sameText(hashSecret(secret, salt), hash);
}

function hashSecret(secret: string, salt: string): string {
  return createHash('sha256').update(`${salt}\n${secret}`).digest('base64url');
}

function sameText(expected: string, presented: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(presented)];
  return a.length === b.length && timingSafeEqual(a, b);
}
