/** Configuration before it is checked: whatever the sources said. */
export type RawConfig = Record<string, unknown>;
export type Path = readonly PropertyKey[];

export function isRecord(value: unknown): value is RawConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    root,
  );
}

export function setAt(root: RawConfig, path: readonly string[], value: unknown): void {
  let at = root;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    if (isRecord(next)) {
      at = next;
    } else {
      const created: RawConfig = {};
      at[key] = created;
      at = created;
    }
  }
  at[path.at(-1) ?? ''] = value;
}

/** Later layers win; lists are taken whole. */
export function mergeLayers(...layers: readonly RawConfig[]): RawConfig {
  // Without a prototype, a key called __proto__ is a key like any other, and unknown.
  const merged: RawConfig = Object.create(null);
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      const below = merged[key];
      merged[key] = isRecord(below) && isRecord(value) ? mergeLayers(below, value) : value;
    }
  }
  return merged;
}

/** `regions[0].imageId` */
export function dotted(path: Path): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
