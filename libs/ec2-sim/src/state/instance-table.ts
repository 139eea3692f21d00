import type { Instance, Tags } from './model.js';

type TagIndex = Map<string, Map<string, Set<Instance>>>;

/** Above this many, walking the whole table from the cursor is cheaper than sorting the candidates for each page. */
const SORTABLE_CANDIDATES = 4000;

/** The instances of one region in listing order, found by id and by tag without a scan. */
export class InstanceTable {
  #ordered: Instance[] = [];
  #forgotten = 0;
  readonly #byId = new Map<string, Instance>();
  readonly #byTag: TagIndex = new Map();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Instance | undefined {
    return this.#byId.get(id);
  }

  clear(): void {
    this.#ordered = [];
    this.#forgotten = 0;
    this.#byId.clear();
    this.#byTag.clear();
  }

  values(): IterableIterator<Instance> {
    return this.#byId.values();
  }

  add(instance: Instance): void {
    this.#ordered.push(instance);
    this.#byId.set(instance.id, instance);
    this.#index(instance, instance.tags);
  }

  retag(instance: Instance, tags: Tags): void {
    this.#unindex(instance, instance.tags);
    instance.tags = tags;
    this.#index(instance, tags);
  }

  forget(instance: Instance): void {
    if (!this.#byId.delete(instance.id)) return;
    this.#unindex(instance, instance.tags);
    instance.forgotten = true;
    this.#forgotten += 1;
    if (this.#forgotten * 2 > this.#ordered.length) {
      this.#ordered = this.#ordered.filter((kept) => !kept.forgotten);
      this.#forgotten = 0;
    }
  }

  /** How many carry the tag key, or the key with that value: what a plan needs to choose the smallest set. */
  tagged(key: string, value?: string): { size: number; values(): Iterable<Instance> } {
    const byValue = this.#byTag.get(key);
    if (value !== undefined) {
      const found = byValue?.get(value);
      return { size: found?.size ?? 0, values: () => found ?? [] };
    }
    let size = 0;
    for (const found of byValue?.values() ?? []) size += found.size;
    return {
      size,
      *values() {
        for (const found of byValue?.values() ?? []) yield* found;
      },
    };
  }

  /** Instances after `afterSeq` in listing order; from the candidates when there are few of them, else from all. */
  *after(afterSeq: number, candidates?: { size: number; values(): Iterable<Instance> }): Generator<Instance> {
    if (candidates !== undefined && candidates.size <= SORTABLE_CANDIDATES) {
      const sorted = [...candidates.values()].filter((instance) => instance.seq > afterSeq && !instance.forgotten);
      yield* sorted.sort((a, b) => a.seq - b.seq);
      return;
    }
    for (let index = this.#firstAfter(afterSeq); index < this.#ordered.length; index += 1) {
      const instance = this.#ordered[index];
      if (instance !== undefined && !instance.forgotten) yield instance;
    }
  }

  #firstAfter(seq: number): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ordered[middle]?.seq ?? Number.POSITIVE_INFINITY) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #index(instance: Instance, tags: Tags): void {
    for (const [key, value] of tags) {
      const byValue = this.#byTag.get(key) ?? new Map<string, Set<Instance>>();
      if (byValue.size === 0) this.#byTag.set(key, byValue);
      const found = byValue.get(value);
      if (found === undefined) byValue.set(value, new Set([instance]));
      else found.add(instance);
    }
  }

  #unindex(instance: Instance, tags: Tags): void {
    for (const [key, value] of tags) {
      const byValue = this.#byTag.get(key);
      const found = byValue?.get(value);
      found?.delete(instance);
      if (found?.size === 0) byValue?.delete(value);
      if (byValue?.size === 0) this.#byTag.delete(key);
    }
  }
}
