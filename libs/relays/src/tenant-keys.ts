/** The hash tag of a tenant: what is kept about it beyond single regions lives in one slot of a cluster. */
export function tenantPrefix(tenant: string): string {
  return `{aegis:tenant:${tenant}}`;
}

/** The keys of a tenant that are used without a script; `lua/tenant/take-slot.lua` says what they hold. */
export function tenantKeys(tenant: string) {
  const prefix = tenantPrefix(tenant);
  return { prefix, live: `${prefix}:live`, counted: `${prefix}:counted`, healing: `${prefix}:healing` };
}
