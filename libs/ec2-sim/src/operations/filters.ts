import { Ec2Error, missingParameter } from '../protocol/ec2-error.js';
import type { QueryParams } from '../protocol/query-params.js';

const MAX_VALUES = 200;

/** One filter: it holds when any of its values matches any of the resource's values under its name. */
export interface Filter {
  name: string;
  /** The values, when none has a wildcard: what an index can look up. */
  exact: readonly string[] | undefined;
  matches(value: string): boolean;
}

export function readFilters(params: QueryParams, isKnown: (name: string) => boolean): Filter[] {
  return params.list('Filter').map((filter) => {
    const name = filter.required('Name');
    if (!isKnown(name)) throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
    const values = filter.strings('Value');
    if (values.length === 0) throw missingParameter(`${filter.path}.Value`);
    if (values.length > MAX_VALUES) {
      throw new Ec2Error(
        'FilterLimitExceeded',
        `The maximum number of filter values specified on a single call is ${MAX_VALUES}`,
      );
    }
    return compileFilter(name, values);
  });
}

function compileFilter(name: string, values: readonly string[]): Filter {
  if (values.every((value) => !/[*?\\]/.test(value))) {
    const set = new Set(values);
    return { name, exact: [...set], matches: (value) => set.has(value) };
  }
  const patterns = values.map(wildcardPattern);
  return { name, exact: undefined, matches: (value) => patterns.some((pattern) => pattern.test(value)) };
}

/** `*` is any run of characters, `?` any one, and a backslash takes their meaning away. */
function wildcardPattern(value: string): RegExp {
  let source = '';
  for (let index = 0; index < value.length; index += 1) {
    let character = value.charAt(index);
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else {
      if (character === '\\' && index + 1 < value.length) {
        index += 1;
        character = value.charAt(index);
      }
      source += character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 's');
}
