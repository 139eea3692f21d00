import type { AegisConfig } from '@aegis/config';
import { LAUNCH_TOKEN_PLACEHOLDER } from './launch-token.js';

/** Where the relay's agent finds its settings on the instance. */
const AGENT_CONFIG_PATH = '/etc/aegis/agent.json';

/**
 * The cloud-init document of a launch, the same for its whole batch. It is stored with the launch intent, so in place of
 * the launch's token it holds a placeholder: `withLaunchToken` puts the token in when the request is sent.
 */
export function buildUserData(config: AegisConfig, region: string): string {
  const agent = {
    controlPlaneUrl: config.api.publicUrl,
    region,
    launchToken: LAUNCH_TOKEN_PLACEHOLDER,
    heartbeatSeconds: config.relays.heartbeatIntervalSeconds,
    silenceLimitSeconds: config.relays.silenceLimitSeconds,
  };
  const document = {
    write_files: [{ path: AGENT_CONFIG_PATH, permissions: '0600', content: JSON.stringify(agent) }],
  };
  // JSON is YAML, and writing it takes a create a millisecond less.
  return `#cloud-config\n${JSON.stringify(document)}\n`;
}
