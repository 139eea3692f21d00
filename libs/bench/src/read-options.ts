import { parseArgs } from 'node:util';

/**
 * Reads `--name N` options: whole numbers of 1 or more, each with the value of the full benchmark as its default.
 * @throws TypeError naming what is wrong
 */
export function readOptions<Options extends Record<string, number>>(
  args: readonly string[],
  defaults: Options,
): Options {
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const read = names.map((name) => {
    const given = values[name];
    if (given === undefined) return [name, defaults[name]];
    if (typeof given !== 'string' || !/^[1-9]\d{0,6}$/.test(given)) {
      throw new TypeError(`--${name} must be a whole number of 1 or more`);
    }
    return [name, Number(given)];
  });
  return Object.fromEntries(read) as Options;
}
