import type { Route } from '../http/route.js';
import { getFreezeRoute } from './admin/get-freeze.js';
import { getQuotaRoute } from './admin/get-quota.js';
import { listAuditRoute } from './admin/list-audit.js';
import { listSweepsRoute } from './admin/list-sweeps.js';
import { setFreezeRoute } from './admin/set-freeze.js';
import { setQuotaRoute } from './admin/set-quota.js';
import { startSweepsRoute } from './admin/start-sweeps.js';
import { createCheckInRoute } from './agents/create-check-in.js';
import { sendHeartbeatRoute } from './agents/send-heartbeat.js';
import type { ApiSettings } from './api-settings.js';
import { createKeyRoute } from './keys/create-key.js';
import { getKeyRoute } from './keys/get-key.js';
import { listKeysRoute } from './keys/list-keys.js';
import { revokeKeyRoute } from './keys/revoke-key.js';
import { rotateKeyRoute } from './keys/rotate-key.js';
import { listRegionsRoute } from './regions/list-regions.js';
import { createRelayRoute } from './relays/create-relay.js';
import { deleteRelayRoute } from './relays/delete-relay.js';
import { getRelayRoute } from './relays/get-relay.js';
import { listRelayEventsRoute } from './relays/list-relay-events.js';
import { listRelaysRoute } from './relays/list-relays.js';
import { renewRelayRoute } from './relays/renew-relay.js';

/** Every operation under `/api/v1`. */
export function createRouteTable(settings: ApiSettings): Route[] {
  return [
    createRelayRoute(settings),
    listRelaysRoute(settings),
    getRelayRoute(),
    deleteRelayRoute(),
    renewRelayRoute(settings),
    listRelayEventsRoute(),
    sendHeartbeatRoute(settings),
    createCheckInRoute(settings),
    listRegionsRoute(settings),
    getFreezeRoute(settings),
    setFreezeRoute(settings),
    getQuotaRoute(settings),
    setQuotaRoute(settings),
    createKeyRoute(),
    listKeysRoute(),
    getKeyRoute(),
    rotateKeyRoute(),
    revokeKeyRoute(),
    listAuditRoute(),
    listSweepsRoute(settings),
    startSweepsRoute(settings),
  ];
}
