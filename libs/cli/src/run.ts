import { readFileSync } from 'node:fs';
import { createAegisClient } from '@aegis/client';
import { Command, CommanderError, Option } from 'commander';
import { addConfigCommands } from './commands/config.js';
import { addEventCommand } from './commands/events.js';
import { addKeyCommands } from './commands/keys.js';
import { addOperationCommands } from './commands/operations.js';
import { addRelayCommands } from './commands/relays.js';
import type { CommandContext } from './context.js';
import { describeError, EXIT, exitCodeOf, UsageError } from './exit-codes.js';
import type { Output } from './print.js';
import type { Terminal } from './terminal.js';

export interface RunOptions {
  /** Without the program's own name. */
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}

const EXAMPLES = `
The API key comes from AEGIS_CLI_KEY, or from the file that AEGIS_CLI_KEY_FILE names: on the command line everybody on the
machine could read it.

Examples:
  $ export AEGIS_CLI_URL=https://aegis.example.com AEGIS_CLI_KEY_FILE=~/.aegis-key
  $ aegis relays create --lease 2h --label team=video --wait
  $ aegis relays list --state active --label team=video
  $ aegis relays delete rly_use1_mifzbtq1k2v9x0a3 --wait
  $ aegis events rly_use1_mifzbtq1k2v9x0a3 --follow
  $ aegis keys create --name billing --tenant billing --scope relays:read --scope relays:write --expires-in 90d
  $ aegis freeze launch --region us-east-1
  $ aegis config check /etc/aegis/aegis.yaml

Exit codes:
  0  done
  1  something else went wrong
  2  the command line is wrong
  3  there is no such thing
  4  the key is not good, or may not do this
  5  the API refused: a conflict, a wrong value
  6  the API cannot be reached or cannot serve now
  7  the relay ended or failed before it was active
  8  the configuration file has faults
  9  too many requests, or a limit is reached: worth another try later
 10  the connection was lost while a relay was followed, and did not come back in time
130  interrupted by Ctrl-C
`;

interface GlobalOptions {
  url: string;
  output: Output;
}

/** Runs one command; resolves with the exit code. */
export async function run({ args, env, terminal, signal }: RunOptions): Promise<number> {
  const program = new Command('aegis')
    .description('Ask an Aegis control plane for relays, and operate it.')
    .option('--url <url>', 'where the API is, or AEGIS_CLI_URL', env.AEGIS_CLI_URL || DEFAULT_URL)
    .addOption(new Option('--output <form>', 'how to print').choices(['table', 'json']).default('table'))
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(add --help for help)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) });
  const options = (): GlobalOptions => program.opts<GlobalOptions>();
  const context: CommandContext = {
    client: () => createAegisClient({ baseUrl: options().url.replace(/\/+$/, ''), key: readKey(env) }),
    output: () => options().output,
    terminal,
    signal,
  };
  for (const add of [addRelayCommands, addEventCommand, addKeyCommands, addOperationCommands]) add(program, context);
  addConfigCommands(program, context, env);
  for (const command of allCommands(program)) inheritSettings(command, program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return signal.aborted ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    // Commander has said what it had to say; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (signal.aborted) return EXIT.interrupted;
    terminal.err(`aegis: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

const DEFAULT_URL = 'http://127.0.0.1:8080';

function readKey(env: RunOptions['env']): string {
  if (env.AEGIS_CLI_KEY) return env.AEGIS_CLI_KEY;
  const file = env.AEGIS_CLI_KEY_FILE;
  if (!file) throw new UsageError('no API key: set AEGIS_CLI_KEY, or AEGIS_CLI_KEY_FILE to a file that holds it');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`the API key cannot be read from AEGIS_CLI_KEY_FILE: ${problem}`, { cause });
  }
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...allCommands(each)]);
}

/** Commander copies settings when a subcommand is made; those are made in other files, before or after. */
function inheritSettings(command: Command, program: Command): void {
  command.copyInheritedSettings(program);
}
