import { Catalogue, type CatalogueOptions } from './catalogue.js';
import { InstanceTable } from './instance-table.js';
import type { Launch } from './model.js';

/** One region's share of the cloud. */
export class Region {
  readonly name: string;
  readonly catalogue: Catalogue;
  readonly instances = new InstanceTable();
  /** Client tokens are scoped to a region. */
  readonly launchesByToken = new Map<string, Launch>();
  #lastSeq = 0;

  constructor(name: string, catalogue: CatalogueOptions) {
    this.name = name;
    this.catalogue = new Catalogue(name, catalogue);
  }

  clear(): void {
    this.catalogue.reset();
    this.instances.clear();
    this.launchesByToken.clear();
  }

  nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  /** After a restored instance, new ones list behind it. */
  seenSeq(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }
}
