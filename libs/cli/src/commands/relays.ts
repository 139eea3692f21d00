import { type AegisClient, dataOf, type Relay } from '@aegis/client';
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { RelayEndedError } from '../exit-codes.js';
import { addFollowOption, type FollowOption, follow } from '../follow.js';
import { collect, collectLabel, parseCount, parseDuration } from '../parse-options.js';
import { printList, printOne } from '../print.js';
import { readPages } from '../read-pages.js';
import { progressLine } from '../terminal.js';

const COLUMNS = ['id', 'state', 'region', 'address', 'leaseExpiresAt', 'reason'] as const;

interface CreateOptions extends FollowOption {
  region?: string;
  instanceType?: string;
  lease?: number;
  label?: Record<string, string>;
  idempotencyKey?: string;
  wait?: boolean;
}

interface ListOptions {
  state?: Relay['state'][];
  region?: string[];
  label?: string[];
  createdAfter?: string;
  limit: number;
}

export function addRelayCommands(program: Command, context: CommandContext): void {
  const relays = program.command('relays').description('ask for relays, look at them, end them');
  const show = (relay: Relay): void => printOne(context.terminal, context.output(), relay);
  const at = (id: string) => ({ params: { path: { id } } });

  addFollowOption(relays.command('create'))
    .description('ask for a relay')
    .option('--region <name>', 'where; `auto` for the first region that can take it')
    .option('--instance-type <type>', 'only an instance of this type; `aegis regions` shows which there are')
    .option('--lease <time>', 'how long it lives unless renewed: 90s, 10m, 2h', parseDuration)
    .option('--label <key=value>', 'a label; may be repeated', collectLabel)
    .option('--idempotency-key <key>', 'makes it safe to repeat this command')
    .option('--wait', 'follow it until it is active')
    .action(async ({ region, instanceType, lease, label, idempotencyKey, wait, giveUpAfter }: CreateOptions) => {
      const client = context.client();
      const relay = dataOf(
        await client.POST('/api/v1/relays', {
          params: { header: idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey } },
          body: {
            ...(region !== undefined && { region }),
            ...(instanceType !== undefined && { instanceType }),
            ...(lease !== undefined && { leaseSeconds: lease }),
            ...(label && { labels: label }),
          },
        }),
      );
      show(wait ? await untilActive({ client, relay, giveUpAfter }, context) : relay);
    });

  relays
    .command('list')
    .description('list relays, newest first')
    .option('--state <state>', 'only of this state; may be repeated', collect)
    .option('--region <name>', 'only of this region; may be repeated', collect)
    .option('--label <key[=value]>', 'only with this label; may be repeated', collect)
    .option('--created-after <time>', 'only those asked for later: 2026-01-31T12:00:00Z')
    .option('--limit <count>', 'at most so many', parseCount, 50)
    .action(async (options: ListOptions) => {
      const found = await listRelays(context.client(), options);
      printList(context.terminal, context.output(), found, COLUMNS);
    });

  relays
    .command('get <id>')
    .description('show one relay')
    .action(async (id: string) => show(dataOf(await context.client().GET('/api/v1/relays/{id}', at(id)))));

  relays
    .command('renew <id>')
    .description('let its lease run anew')
    .option('--lease <time>', 'another lease than it has: 90s, 10m, 2h', parseDuration)
    .action(async (id: string, { lease }: { lease?: number }) => {
      const body = lease === undefined ? {} : { leaseSeconds: lease };
      show(dataOf(await context.client().POST('/api/v1/relays/{id}/renew', { ...at(id), body })));
    });

  addFollowOption(relays.command('delete <id>'))
    .description('end a relay')
    .option('--wait', 'follow it until nothing of it is left')
    .action(async (id: string, { wait, giveUpAfter }: { wait?: boolean } & FollowOption) => {
      const client = context.client();
      const relay = dataOf(await client.DELETE('/api/v1/relays/{id}', at(id)));
      if (wait) await showSteps({ client, relay, giveUpAfter }, context, () => false);
      show(wait ? dataOf(await client.GET('/api/v1/relays/{id}', at(id))) : relay);
    });

  addFollowOption(relays.command('watch <id>'))
    .description('follow a relay until it has ended')
    .action(async (id: string, { giveUpAfter }: FollowOption) => {
      const client = context.client();
      const relay = dataOf(await client.GET('/api/v1/relays/{id}', at(id)));
      await showSteps({ client, relay, giveUpAfter }, context, () => false);
      show(dataOf(await client.GET('/api/v1/relays/{id}', at(id))));
    });
}

function listRelays(client: AegisClient, { limit, ...filters }: ListOptions): Promise<Relay[]> {
  return readPages(limit, async (page) => {
    const answer = await client.GET('/api/v1/relays', { params: { query: { ...filters, ...page } } });
    const { relays, nextCursor } = dataOf(answer);
    return { items: relays, nextCursor };
  });
}

interface Followed extends FollowOption {
  client: AegisClient;
  relay: Relay;
}

/** Shows each step until one is what was waited for. False when the relay ended, or the user did not want to wait. */
async function showSteps(
  { client, relay, giveUpAfter }: Followed,
  context: CommandContext,
  enough: (state: Relay['state']) => boolean,
): Promise<boolean> {
  const line = progressLine(context.terminal);
  try {
    for await (const event of follow(context, { client, id: relay.id, note: line.note, giveUpAfter })) {
      const { to, time, reason } = event;
      const seconds = ((Date.parse(time) - Date.parse(relay.createdAt)) / 1000).toFixed(1);
      line.show(`${relay.id} ${to} after ${seconds} s${reason === null ? '' : ` (${reason})`}`);
      if (enough(to)) return true;
    }
    return false;
  } finally {
    line.done();
  }
}

async function untilActive(followed: Followed, context: CommandContext): Promise<Relay> {
  const { client, relay } = followed;
  const active = await showSteps(followed, context, (state) => state === 'active');
  const now = dataOf(await client.GET('/api/v1/relays/{id}', { params: { path: { id: relay.id } } }));
  if (active || context.signal.aborted) return now;
  throw new RelayEndedError(`${relay.id} is ${now.state}: ${now.failure?.message ?? now.reason ?? 'ended'}`);
}
