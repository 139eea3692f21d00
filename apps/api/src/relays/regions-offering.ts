import { Problem } from '../http/problem.js';

/** Those of some regions that have the instance type, all of them when none is asked for. @throws Problem when none has it */
export function regionsOffering(
  instanceType: string | undefined,
  regions: readonly string[],
  instanceTypes: ReadonlyMap<string, readonly string[]>,
): readonly [string, ...string[]] {
  const typesOf = (region: string): readonly string[] => instanceTypes.get(region) ?? [];
  const [first, ...others] =
    instanceType === undefined ? regions : regions.filter((region) => typesOf(region).includes(instanceType));
  if (first !== undefined) return [first, ...others];
  const allowed = [...new Set(regions.flatMap(typesOf))].join(', ');
  throw new Problem('unknown_instance_type', {
    detail: `Relays of ${regions.join(', ')} run on ${allowed}.`,
    errors: [{ pointer: '/instanceType', code: 'invalid_value', message: `One of ${allowed}` }],
  });
}
