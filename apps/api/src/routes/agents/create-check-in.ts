import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { agentRoute, type Route } from '../../http/route.js';
import { instanceIdSchema } from '../../schemas/instance-id.js';
import { timestampSchema, toTimestamp } from '../../schemas/timestamp.js';
import type { ApiSettings } from '../api-settings.js';

const RETRY_SECONDS = '1';
/** Every 401 names a scheme (RFC 9110, 11.6.1); this credential goes in the body. */
const CHALLENGE = 'AegisLaunchToken';

const checkInSchema = z
  .strictObject({
    relayId: z.string(),
    sessionSecret: z.string().describe('What the agent shows with each heartbeat'),
    heartbeatSeconds: z.number().int(),
    leaseExpiresAt: timestampSchema,
    leaseToken: z.string().describe('Handed back as it is with each heartbeat'),
  })
  .meta({ id: 'CheckIn' });

export function createCheckInRoute({ heartbeatSeconds }: ApiSettings): Route {
  return agentRoute({
    method: 'post',
    path: '/api/v1/checkins',
    operationId: 'createCheckIn',
    tag: 'agents',
    summary: "A booted instance's agent reports for the first time",
    credential: 'launch_token',
    body: z.strictObject({ instanceId: instanceIdSchema, launchToken: z.string().max(200) }),
    responses: { 200: { description: 'The relay this instance carries, and its session', schema: checkInSchema } },
    problems: ['invalid_launch_token', 'instance_unknown', 'relay_gone', 'store_unavailable'],
    async handle({ body }, { store, regions, credentials, recordMoves, wake, now }) {
      const launch = credentials.launchedBy(body.launchToken);
      if (!launch) throw new Problem('invalid_launch_token', { headers: { 'WWW-Authenticate': CHALLENGE } });
      const region = regions.regionOfCode(launch.regionCode);
      if (region === null) throw instanceUnknown();
      const { intentId } = launch;
      const result = await store.checkIn({ region, intentId, instanceId: body.instanceId, now: now() });
      switch (result.outcome) {
        case 'unknown_instance':
          throw instanceUnknown();
        case 'ended':
          throw new Problem('relay_gone');
        case 'accepted': {
          recordMoves(region, result.moves);
          const { id, state, leaseExpiresAt } = result.relay;
          // It runs, so EC2 can tell its address: no need to wait for the next look.
          if (state === 'booting') wake('relay_boot_watch', region);
          const answer: z.infer<typeof checkInSchema> = {
            relayId: id,
            sessionSecret: credentials.sessionSecret(id, body.instanceId),
            heartbeatSeconds,
            leaseExpiresAt: toTimestamp(leaseExpiresAt),
            leaseToken: credentials.leaseToken(id, leaseExpiresAt),
          };
          return { status: 200, body: answer };
        }
      }
    },
  });
}

/** A machine can boot before its launch is recorded: its agent tries again in a moment. */
function instanceUnknown(): Problem {
  return new Problem('instance_unknown', { headers: { 'Retry-After': RETRY_SECONDS } });
}
