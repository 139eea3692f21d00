import { type components, dataOf } from '@aegis/client';
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { collect, parseCount, parseDuration } from '../parse-options.js';
import { printList, printOne } from '../print.js';
import { readPages } from '../read-pages.js';

type ApiKey = components['schemas']['ApiKey'];
type IssuedApiKey = components['schemas']['IssuedApiKey'];

const COLUMNS = ['id', 'name', 'tenant', 'scopes', 'createdAt', 'expiresAt', 'revokedAt', 'lastUsedAt'] as const;

interface CreateOptions {
  name: string;
  tenant: string;
  scope: ApiKey['scopes'];
  expiresIn?: number;
}

export function addKeyCommands(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('make, list, rotate and revoke API keys (scope admin)');
  const at = (keyId: string) => ({ params: { path: { keyId } } });
  const show = (record: ApiKey): void => printOne(context.terminal, context.output(), record);
  const showIssued = ({ key, record }: IssuedApiKey): void => {
    printOne(context.terminal, context.output(), { key, ...record });
    context.terminal.err('Keep the key: it is stored nowhere and will not be shown again.\n');
  };

  keys
    .command('create')
    .description('make a key')
    .requiredOption('--name <name>', 'how logs call it')
    .requiredOption('--tenant <tenant>', 'whose relays it sees and touches')
    .requiredOption('--scope <scope>', 'relays:read, relays:write or admin; may be repeated', collect)
    .option('--expires-in <time>', 'until when it is good: 12h, 90d', parseDuration)
    .action(async ({ name, tenant, scope, expiresIn }: CreateOptions) => {
      const expiresAt = expiresIn === undefined ? null : new Date(Date.now() + expiresIn * 1000).toISOString();
      const body = { name, tenant, scopes: scope, expiresAt };
      showIssued(dataOf(await context.client().POST('/api/v1/admin/keys', { body })));
    });

  keys
    .command('list')
    .description('list keys, newest first')
    .option('--limit <count>', 'at most so many', parseCount, 50)
    .action(async ({ limit }: { limit: number }) => {
      const client = context.client();
      const found = await readPages(limit, async (query) => {
        const page = dataOf(await client.GET('/api/v1/admin/keys', { params: { query } }));
        return { items: page.keys, nextCursor: page.nextCursor };
      });
      printList(context.terminal, context.output(), found, COLUMNS);
    });

  keys
    .command('get <id>')
    .description('show the record of one key')
    .action(async (id: string) => show(dataOf(await context.client().GET('/api/v1/admin/keys/{keyId}', at(id)))));

  keys
    .command('rotate <id>')
    .description('replace its secret')
    .option('--grace <time>', 'how long the secret before stays good: 10m, 1d', parseDuration)
    .action(async (id: string, { grace }: { grace?: number }) => {
      const body = grace === undefined ? {} : { graceSeconds: grace };
      showIssued(dataOf(await context.client().POST('/api/v1/admin/keys/{keyId}/rotate', { ...at(id), body })));
    });

  keys
    .command('revoke <id>')
    .description('make it open nothing any more, for good')
    .action(async (id: string) => show(dataOf(await context.client().DELETE('/api/v1/admin/keys/{keyId}', at(id)))));
}
