import { gzipSync } from 'node:zlib';
import type { AegisConfig, RegionConfig } from '@aegis/config';
import { MAX_USER_DATA_BYTES } from '@aegis/ec2';
import { StartupError } from '@aegis/service';
import { type AgentFile, agentInstallation } from './agent-files.js';
import { LAUNCH_TOKEN_PLACEHOLDER } from './launch-token.js';

/** Where the relay's agent finds its settings on the instance. */
const AGENT_CONFIG_PATH = '/etc/aegis/agent.json';
/** A token is longer than what stands for it; this is more than enough. */
const SPARE_BYTES = 512;

/**
 * The cloud-init document of a region's launches. It is stored with each launch intent, so in place of the launch's token
 * it holds a placeholder: `withLaunchToken` puts the token in when the request is sent. Nothing else in it changes while
 * the process runs, so it is built once for each region. Throws a StartupError when EC2 would not take it.
 */
export function buildUserData(config: AegisConfig, region: RegionConfig): string {
  const agent = {
    controlPlaneUrl: config.api.publicUrl,
    region: region.name,
    launchToken: LAUNCH_TOKEN_PLACEHOLDER,
    heartbeatSeconds: config.relays.heartbeatIntervalSeconds,
    silenceLimitSeconds: config.relays.silenceLimitSeconds,
  };
  const settings = { path: AGENT_CONFIG_PATH, permissions: '0600', content: JSON.stringify(agent) };
  const document = config.relays.agent === 'image' ? { write_files: [settings] } : withAgent(settings, config, region);
  // JSON is YAML, and takes every program that reads it less time.
  const text = `#cloud-config\n${JSON.stringify(document)}\n`;
  if (Buffer.byteLength(text) > MAX_USER_DATA_BYTES - SPARE_BYTES) {
    throw new StartupError(
      `The user data of ${region.name} would have ${Buffer.byteLength(text)} bytes, and EC2 takes ` +
        `${MAX_USER_DATA_BYTES - SPARE_BYTES} of Aegis: shorten env and options of the region's container.`,
    );
  }
  return text;
}

function withAgent(settings: AgentFile, config: AegisConfig, region: RegionConfig): object {
  const { files, commands } = agentInstallation(region.container ?? config.relays.container);
  return { write_files: [settings, ...files.map(compressed)], runcmd: commands };
}

function compressed({ path, permissions, content }: AgentFile): AgentFile & { encoding: string } {
  const packed = gzipSync(content, { level: 9 }).toString('base64');
  return { path, permissions, encoding: 'gz+b64', content: packed };
}
