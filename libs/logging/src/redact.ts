export const REDACTED = '[redacted]';

const SECRET_KEY =
  /authorization|cookie|secret|token|password|passwd|passphrase|apikey|credential|privatekey|signature|userdata/;

/** EC2's idempotency token names a launch and opens nothing; operators search logs for it. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(['clienttoken']);

/** The same few field names stand in every record; strangers may send any number of others. */
const MAX_KNOWN_KEYS = 1_000;
const knownKeys = new Map<string, boolean>();

/** Whether a field of this name holds a secret, however it is spelled (`apiKey`, `api_key`, `X-Api-Key`). */
export function isSecretKey(key: string): boolean {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const plain = key.toLowerCase().replace(/[-_.\s]/g, '');
  const secret = SECRET_KEY.test(plain) && !HARMLESS_KEYS.has(plain);
  if (knownKeys.size < MAX_KNOWN_KEYS) knownKeys.set(key, secret);
  return secret;
}

type Replace = (text: string) => string;

/** Each is linear in the text, whatever the text is: logs hold what strangers sent. */
const REPLACEMENTS: readonly Replace[] = [
  (text) => text.replace(/\b(bearer|basic)\s+[\w~+/.=-]{4,}/gi, `$1 ${REDACTED}`),
  // Launch tokens, relay session secrets and lease tokens (libs/relays), API keys.
  (text) => text.replace(/\b(lt|rs|ls|ak)_[\w~.=-]{8,}/g, `$1_${REDACTED}`),
  // Passwords in URLs.
  (text) => text.replace(/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s/]*@/gi, `$1:${REDACTED}@`),
  // JSON inside of text: "name":"value", also when the text was cut inside of it.
  (text) =>
    text.replace(/("([\w-]+)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)/g, (whole, head: string, name: string) =>
      isSecretKey(name) ? `${head}"${REDACTED}"` : whole,
    ),
  // Query strings and environments: name=value.
  (text) =>
    text.replace(/(?<![\w-])([\w-]+)=[^\s&;,"']+/g, (whole, name: string) =>
      isSecretKey(name) ? `${name}=${REDACTED}` : whole,
    ),
];

/** Every text that one of the replacements could change has one of these; nearly all texts have none. */
const SUSPICIOUS = /\b(?:bearer|basic)\s|\b(?:lt|rs)_|:\/\/|"\s*:|=/i;

/** Takes tokens, bearer credentials and passwords out of free text. */
export function redactText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return REPLACEMENTS.reduce((redacted, replace) => replace(redacted), text);
}
