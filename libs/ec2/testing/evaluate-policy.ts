/** As IAM writes policies down; only what the project's own use. */
export interface Policy {
  Statement: Statement[];
}

interface Statement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface AccessRequest {
  action: string;
  resource: string;
  /** Condition keys the request brings, with their values. */
  context: Readonly<Record<string, string | readonly string[]>>;
}

/** Allowed by one statement and denied by none. Throws on an operator it does not know, rather than pass it over. */
export function allows(policy: Policy, request: AccessRequest): boolean {
  const matching = policy.Statement.filter((statement) => matches(statement, request));
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

export function allowedActions(policy: Policy): string[] {
  const allowing = policy.Statement.filter(({ Effect }) => Effect === 'Allow');
  return [...new Set(allowing.flatMap(({ Action }) => Action))].sort();
}

function matches(
  { Action, Resource, Condition = {} }: Statement,
  { action, resource, context }: AccessRequest,
): boolean {
  const conditions = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) => ({ operator, wanted: list(wanted), found: valuesOf(context[key]) })),
  );
  return (
    list(Action).includes(action) &&
    list(Resource).some((pattern) => likeArn(pattern, resource)) &&
    conditions.every(({ operator, wanted, found }) => holds(operator, wanted, found))
  );
}

/** A key that the request lacks makes `StringEquals` fail; `StringNotEquals` and `ForAllValues` hold. */
function holds(operator: string, wanted: readonly string[], found: readonly string[] | undefined): boolean {
  switch (operator) {
    case 'StringEquals':
      return found?.some((value) => wanted.includes(value)) ?? false;
    case 'StringNotEquals':
      return !(found?.some((value) => wanted.includes(value)) ?? false);
    case 'ForAllValues:StringEquals':
      return found?.every((value) => wanted.includes(value)) ?? true;
    case 'Null':
      return wanted.includes(String(found === undefined));
    default:
      throw new Error(`no such operator here: ${operator}`);
  }
}

function likeArn(pattern: string, arn: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(arn);
}

function list(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value;
}

function valuesOf(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value;
}
