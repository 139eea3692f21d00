import { type components, dataOf } from '@aegis/client';
import { Argument, type Command } from 'commander';
import type { CommandContext } from '../context.js';
import { parseCount, parseLimit } from '../parse-options.js';
import { printList, printOne } from '../print.js';
import { readPages } from '../read-pages.js';

type Limit = number | 'default';

function orNull(limit: Limit): number | null {
  return limit === 'default' ? null : limit;
}

interface QuotaOptions {
  relays: Limit;
  relaysPerRegion: Limit;
  launches: Limit;
}

interface RegionOption {
  region?: string;
}

/** What an operator does to the service as a whole. */
export function addOperationCommands(program: Command, context: CommandContext): void {
  addFreezeCommands(program, context);
  addSweepCommands(program, context);
  addQuotaCommands(program, context);

  program
    .command('audit')
    .description('who changed what, newest first (scope admin)')
    .option('--limit <count>', 'at most so many', parseCount, 50)
    .action(async ({ limit }: { limit: number }) => {
      const client = context.client();
      const found = await readPages(limit, async (query) => {
        const page = dataOf(await client.GET('/api/v1/admin/audit', { params: { query } }));
        return { items: page.entries, nextCursor: page.nextCursor };
      });
      const columns = ['time', 'tenant', 'keyName', 'operation', 'target', 'status', 'code', 'address'];
      printList(context.terminal, context.output(), found, columns);
    });

  program
    .command('regions')
    .description('where relays can run')
    .action(async () => {
      const { regions } = dataOf(await context.client().GET('/api/v1/regions'));
      printList(context.terminal, context.output(), regions, ['name', 'default', 'instanceTypes']);
    });
}

function addFreezeCommands(program: Command, context: CommandContext): void {
  const what = () => new Argument('[what]', 'what to stop').choices(['launch', 'sweep', 'all']);
  const print = (regions: readonly Record<string, unknown>[]): void =>
    printList(context.terminal, context.output(), regions, ['region', 'launch', 'sweep']);
  const set = async (on: boolean, named: string, { region }: RegionOption): Promise<void> => {
    const body = {
      ...(named !== 'sweep' && { launch: on }),
      ...(named !== 'launch' && { sweep: on }),
      ...(region !== undefined && { region }),
    };
    print(dataOf(await context.client().PUT('/api/v1/admin/freeze', { body })).regions);
  };

  program
    .command('freeze')
    .description('stop launches, or terminations by sweeps; without an argument, show what is frozen (scope admin)')
    .addArgument(what())
    .option('--region <name>', 'only there; default: everywhere')
    .action(async (named: string | undefined, options: RegionOption) => {
      if (named !== undefined) return set(true, named, options);
      print(dataOf(await context.client().GET('/api/v1/admin/freeze')).regions);
    });

  program
    .command('unfreeze')
    .description('let them go on (scope admin)')
    .addArgument(what().default('all'))
    .option('--region <name>', 'only there; default: everywhere')
    .action((named: string, options: RegionOption) => set(false, named, options));
}

function addSweepCommands(program: Command, context: CommandContext): void {
  const sweeps = program.command('sweeps').description('comparisons of the store with EC2 (scope admin)');

  sweeps
    .command('list')
    .description('what the last sweep of each region found')
    .action(async () => {
      const found = dataOf(await context.client().GET('/api/v1/admin/sweeps')).sweeps;
      const columns = ['region', 'lastCompleteAt', 'instances', 'orphans', 'missing', 'halted'];
      printList(context.terminal, context.output(), found, columns);
    });

  sweeps
    .command('start')
    .description('sweep now')
    .option('--region <name>', 'only there; default: everywhere')
    .action(async ({ region }: RegionOption) => {
      const body = region === undefined ? {} : { region };
      const started = dataOf(await context.client().POST('/api/v1/admin/sweeps', { body })).regions;
      const rows = started.map((name) => ({ region: name }));
      printList(context.terminal, context.output(), rows, ['region']);
    });
}

function addQuotaCommands(program: Command, context: CommandContext): void {
  const quota = program.command('quota').description("a tenant's own limits (scope admin)");
  const path = '/api/v1/admin/tenants/{tenant}/quota';
  const show = (found: components['schemas']['Quota']): void => printOne(context.terminal, context.output(), found);

  quota
    .command('get <tenant>')
    .description('show its limits and what it has; `-`: the configured limit')
    .action(async (tenant: string) => {
      show(dataOf(await context.client().GET(path, { params: { path: { tenant } } })));
    });

  quota
    .command('set <tenant>')
    .description('set its limits; `default` for the configured ones')
    .requiredOption('--relays <count>', 'most live relays, over all regions', parseLimit)
    .option('--relays-per-region <count>', 'most live relays in each region', parseLimit, 'default')
    .requiredOption('--launches <count>', 'most relays to ask for in a window, over all regions', parseLimit)
    .action(async (tenant: string, { relays, relaysPerRegion, launches }: QuotaOptions) => {
      const body = {
        relays: orNull(relays),
        relaysPerRegion: orNull(relaysPerRegion),
        launches: orNull(launches),
      };
      show(dataOf(await context.client().PUT(path, { params: { path: { tenant } }, body })));
    });
}
