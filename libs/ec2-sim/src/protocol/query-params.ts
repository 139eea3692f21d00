import { Ec2Error, invalidValue, missingParameter } from './ec2-error.js';

interface QueryNode {
  value?: string;
  children?: Map<string, QueryNode>;
}

const MAX_DEPTH = 12;

/**
 * Builds the tree that EC2 Query flattens into names: `Filter.1.Value.2=x` is the second value of the first filter.
 * Maps rather than objects, so that no name a caller sends can reach a prototype.
 */
export function parseQuery(form: URLSearchParams): QueryParams {
  const root: QueryNode = {};
  for (const [name, value] of form) {
    const path = name.split('.');
    if (path.length > MAX_DEPTH) throw new Ec2Error('UnknownParameter', `The parameter ${name} is not recognized`);
    let node = root;
    for (const part of path) {
      node.children ??= new Map();
      let child = node.children.get(part);
      if (child === undefined) {
        child = {};
        node.children.set(part, child);
      }
      node = child;
    }
    node.value = value;
  }
  return new QueryParams(root, '');
}

/** Typed reading of one level of a request; every complaint names the parameter as the caller wrote it. */
export class QueryParams {
  readonly #node: QueryNode;
  readonly path: string;

  constructor(node: QueryNode, path: string) {
    this.#node = node;
    this.path = path;
  }

  #name(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  names(): string[] {
    return [...(this.#node.children?.keys() ?? [])];
  }

  has(name: string): boolean {
    return this.#node.children?.has(name) ?? false;
  }

  string(name: string): string | undefined {
    return this.#node.children?.get(name)?.value;
  }

  required(name: string): string {
    const value = this.string(name);
    if (value === undefined || value === '') throw missingParameter(this.#name(name));
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    if (!/^-?\d{1,9}$/.test(value)) throw invalidValue(this.#name(name), value, 'Expecting an integer.');
    return Number(value);
  }

  boolean(name: string): boolean | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') throw invalidValue(this.#name(name), value, 'Expecting true or false.');
    return value === 'true';
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw invalidValue(this.#name(name), value, `Expecting one of: ${allowed.join(', ')}.`);
    return found;
  }

  child(name: string): QueryParams | undefined {
    const node = this.#node.children?.get(name);
    return node === undefined ? undefined : new QueryParams(node, this.#name(name));
  }

  /** The members of a flattened list, in the order of their numbers. */
  list(name: string): QueryParams[] {
    return this.#members(name).map(([index, node]) => new QueryParams(node, `${this.#name(name)}.${index}`));
  }

  strings(name: string): string[] {
    return this.#members(name).map(([, node]) => node.value ?? '');
  }

  #members(name: string): [number, QueryNode][] {
    const children = this.#node.children?.get(name)?.children;
    if (children === undefined) return [];
    const members: [number, QueryNode][] = [];
    for (const [key, node] of children) {
      if (!/^\d{1,6}$/.test(key))
        throw new Ec2Error('UnknownParameter', `The parameter ${name}.${key} is not recognized`);
      members.push([Number(key), node]);
    }
    return members.sort(([a], [b]) => a - b);
  }
}
