const DIRECTIONS: Record<string, string> = {
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  central: 'c',
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
};

/** Asked for with every id; there are as many as regions. */
const codes = new Map<string, string>();

/**
 * The short name of an AWS region inside ids: `us-east-1` → `use1`, `ap-southeast-2` → `apse2`,
 * `us-gov-west-1` → `usgovw1`. Letters and digits only, so an id splits at its underscores.
 */
export function regionCode(region: string): string {
  const known = codes.get(region);
  if (known !== undefined) return known;
  const code = region
    .split('-')
    .map((part) => DIRECTIONS[part] ?? part)
    .join('');
  codes.set(region, code);
  return code;
}
