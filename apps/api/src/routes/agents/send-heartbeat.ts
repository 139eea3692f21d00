import * as z from 'zod';
import { bearerToken } from '../../auth/bearer-token.js';
import { Problem } from '../../http/problem.js';
import { agentRoute, type Route } from '../../http/route.js';
import { instanceIdSchema } from '../../schemas/instance-id.js';
import { relayPathSchema } from '../../schemas/relay-path.js';
import { timestampSchema, toTimestamp } from '../../schemas/timestamp.js';
import type { ApiSettings } from '../api-settings.js';

const heartbeatSchema = z
  .strictObject({
    leaseExpiresAt: timestampSchema,
    leaseToken: z.string(),
    heartbeatSeconds: z.number().int().describe('When to send the next one'),
  })
  .meta({ id: 'Heartbeat' });

export function sendHeartbeatRoute({ heartbeatSeconds }: ApiSettings): Route {
  return agentRoute({
    method: 'post',
    path: '/api/v1/relays/{id}/heartbeat',
    operationId: 'sendHeartbeat',
    tag: 'agents',
    summary: "A relay's agent says that it is alive",
    credential: 'session_secret',
    params: relayPathSchema,
    headers: z.object({ authorization: z.string().optional() }),
    body: z.strictObject({
      instanceId: instanceIdSchema,
      leaseExpiresAt: timestampSchema.nullish().describe('What the agent last heard'),
      leaseToken: z.string().max(200).nullish().describe('What the agent last heard'),
    }),
    responses: { 200: { description: 'The lease as it stands', schema: heartbeatSchema } },
    problems: ['invalid_session_secret', 'relay_not_found', 'relay_gone', 'store_unavailable'],
    async handle({ params, headers, body }, { store, regions, credentials, recordMoves, now }) {
      const { id } = params;
      const presented = bearerToken(headers.authorization);
      const session = presented === null ? null : credentials.sessionOf(id, presented);
      if (session?.instanceId !== body.instanceId) {
        throw new Problem('invalid_session_secret', { headers: { 'WWW-Authenticate': 'Bearer realm="aegis-relay"' } });
      }
      const result = await store.heartbeat(id, {
        instanceId: session.instanceId,
        now: now(),
        heardLeaseExpiresAt: body.leaseToken ? credentials.heardLease(id, body.leaseToken) : null,
      });
      switch (result.outcome) {
        case 'not_found':
          throw new Problem('relay_not_found', { headers: { 'Retry-After': String(heartbeatSeconds) } });
        case 'ended':
          throw new Problem('relay_gone');
        case 'alive': {
          const region = regions.regionOfRelay(id);
          if (region !== null) recordMoves(region, result.moves);
          const { leaseExpiresAt } = result.relay;
          const answer: z.infer<typeof heartbeatSchema> = {
            leaseExpiresAt: toTimestamp(leaseExpiresAt),
            leaseToken: credentials.leaseToken(id, leaseExpiresAt),
            heartbeatSeconds,
          };
          return { status: 200, body: answer };
        }
      }
    },
  });
}
