import type { Relay, RelayReason, RelayState } from './relay.js';

/** A relay's hash; its fields are listed in `lua/include/region.lua`. */
export type RelayFields = Readonly<Record<string, string>>;

const LABEL = 'l:';

/** Reads a relay's hash; null for one that does not exist. */
export function parseRelay(id: string, region: string, fields: RelayFields): Relay | null {
  const { state } = fields;
  if (state === undefined) return null;
  const time = (name: string) => (fields[name] ? Number(fields[name]) : null);
  return {
    id,
    region,
    tenant: fields.tenant ?? '',
    state: state as RelayState,
    labels: labelsOf(fields),
    instanceType: fields.type || fields.want || null,
    instanceId: fields.inst ?? null,
    address: fields.addr ?? null,
    createdAt: Number(fields.created),
    leaseSeconds: Number(fields.lease),
    leaseExpiresAt: Number(fields.exp),
    activeAt: time('act'),
    endedAt: time('end'),
    reason: (fields.reason ?? null) as RelayReason | null,
    failure: fields.fcode ? { code: fields.fcode, message: fields.fmsg ?? '' } : null,
    intentId: fields.intent ?? null,
    version: Number(fields.v),
  };
}

function labelsOf(fields: RelayFields): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const field in fields) {
    if (!field.startsWith(LABEL)) continue;
    const name = field.slice(LABEL.length);
    const value = fields[field] ?? '';
    // A client may well name a label `__proto__`, which an assignment would take for the object's prototype.
    if (name === '__proto__') {
      Object.defineProperty(labels, name, { value, enumerable: true, configurable: true, writable: true });
    } else labels[name] = value;
  }
  return labels;
}

/** The hash from a script's reply: field, value, … */
export function fieldsOf(flat: readonly string[]): RelayFields {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
  return fields;
}
