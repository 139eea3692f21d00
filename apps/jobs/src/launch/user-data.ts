import type { AegisConfig } from '@aegis/config';
import { issueLaunchToken } from '@aegis/relays';

/** Where the relay's agent finds its settings on the instance. */
const AGENT_CONFIG_PATH = '/etc/aegis/agent.json';

/** The cloud-init document of one launch: the same for its whole batch, so it names the intent, not the relay. */
export function buildUserData(config: AegisConfig, region: string, intentId: string): string {
  const agent = {
    controlPlaneUrl: config.api.publicUrl,
    region,
    launchToken: issueLaunchToken(config.secret, intentId),
    heartbeatSeconds: config.relays.heartbeatIntervalSeconds,
    silenceLimitSeconds: config.relays.silenceLimitSeconds,
  };
  const document = {
    write_files: [{ path: AGENT_CONFIG_PATH, permissions: '0600', content: JSON.stringify(agent) }],
  };
  // JSON is YAML, and writing it takes a create a millisecond less.
  return `#cloud-config\n${JSON.stringify(document)}\n`;
}
