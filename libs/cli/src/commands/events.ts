import { dataOf, type RelayEvent } from '@aegis/client';
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { addFollowOption, type FollowOption, follow } from '../follow.js';
import { printList } from '../print.js';

const COLUMNS = ['seq', 'time', 'from', 'to', 'reason', 'attempt', 'awsRequestId'] as const;

export function addEventCommand(program: Command, context: CommandContext): void {
  addFollowOption(program.command('events <id>'))
    .description("read a relay's story")
    .option('--follow', 'go on until it has ended; with --output json, one event a line')
    .action(async (id: string, options: { follow?: boolean } & FollowOption) => {
      const { terminal } = context;
      if (!options.follow) return printList(terminal, context.output(), await story(context, id), COLUMNS);
      const note = (text: string): void => terminal.err(`${text}\n`);
      for await (const event of follow(context, { client: context.client(), id, note, ...options })) {
        const { seq, time, from, to, reason } = event;
        const text = `${seq}  ${time}  ${from ?? '-'} → ${to}${reason === null ? '' : `  ${reason}`}`;
        terminal.out(`${context.output() === 'json' ? JSON.stringify(event) : text}\n`);
      }
    });
}

async function story(context: CommandContext, id: string): Promise<RelayEvent[]> {
  const client = context.client();
  const found: RelayEvent[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const params = { path: { id }, query: { after } };
    const page: { events: RelayEvent[]; nextAfter: number | null } = dataOf(
      await client.GET('/api/v1/relays/{id}/events', { params }),
    );
    found.push(...page.events);
    after = page.nextAfter;
  }
  return found;
}
