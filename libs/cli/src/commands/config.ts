import { readFileSync } from 'node:fs';
import { checkConfig, configJsonSchema } from '@aegis/config';
import { Argument, type Command } from 'commander';
import type { CommandContext } from '../context.js';
import { FaultyConfigError, UsageError } from '../exit-codes.js';

/**
 * The only commands that ask no API: a configuration is judged before there is a process that runs on it, and by the very
 * code that process will judge it with.
 */
export function addConfigCommands(program: Command, context: CommandContext, env: CheckEnvironment): void {
  const config = program.command('config').description('check the configuration file of the two processes');

  config
    .command('check')
    .description('name every fault of a configuration file; needs no API and no secrets')
    .addArgument(new Argument('<file>', 'the YAML file'))
    .option('--with-secrets', 'a missing secret is a fault, as it is for a process that starts')
    .action((file: string, { withSecrets }: { withSecrets?: boolean }) =>
      check(file, withSecrets === true, context, env),
    );

  config
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .action(() => context.terminal.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`));
}

type CheckEnvironment = Readonly<Record<string, string | undefined>>;

function check(file: string, withSecrets: boolean, { terminal, output }: CommandContext, env: CheckEnvironment): void {
  refuseUnreadable(file);
  // The environment goes over the file here as it does in a process.
  const { faults, absentSecrets } = checkConfig({ env: { ...env, AEGIS_CONFIG: file } });
  const found = withSecrets ? [...faults, ...absentSecrets] : faults;
  const unchecked = withSecrets ? [] : absentSecrets;
  if (output() === 'json') {
    terminal.out(`${JSON.stringify({ file, faults: found, unchecked }, null, 2)}\n`);
  } else {
    for (const { where, problem } of found) terminal.out(`${where}: ${problem}\n`);
    for (const { where, problem } of unchecked) terminal.err(`not checked: ${where}: ${problem}\n`);
  }
  if (found.length > 0)
    throw new FaultyConfigError(`${file} has ${found.length} ${found.length === 1 ? 'fault' : 'faults'}`);
  terminal.err(`aegis: no fault in ${file}\n`);
}

function refuseUnreadable(file: string): void {
  try {
    readFileSync(file);
  } catch (cause) {
    throw new UsageError(`the file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
