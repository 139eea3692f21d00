import { parse } from 'yaml';
import * as z from 'zod';

const AGENT_FILE = '/etc/aegis/agent.json';

const agentConfig = z.object({
  controlPlaneUrl: z.url({ protocol: /^https?$/ }),
  region: z.string(),
  launchToken: z.string().min(1),
  heartbeatSeconds: z.number().positive(),
  silenceLimitSeconds: z.number().positive(),
});
/** What the user data tells the relay agent of an instance. */
export type AgentConfig = z.infer<typeof agentConfig>;

const cloudConfig = z.object({
  write_files: z.array(z.looseObject({ path: z.string(), content: z.string().optional() })),
});

/**
 * Reads the agent's settings from an instance's user data as cloud-init would: a `#cloud-config` document whose
 * `write_files` holds the agent's file. Anything else boots a machine without an agent, as it would in EC2.
 */
export function readAgentConfig(userDataBase64: string | null): AgentConfig | null {
  if (userDataBase64 === null) return null;
  const text = Buffer.from(userDataBase64, 'base64').toString('utf8');
  if (!text.startsWith('#cloud-config')) return null;
  const document = cloudConfig.safeParse(parseYaml(text));
  if (!document.success) return null;
  const file = document.data.write_files.find((candidate) => candidate.path === AGENT_FILE);
  const config = agentConfig.safeParse(attempt(() => JSON.parse(file?.content ?? '')));
  return config.success ? config.data : null;
}

/** A document in JSON, which is YAML too, is read in a hundredth of the time. */
function parseYaml(text: string): unknown {
  const withoutHeader = text.slice(text.indexOf('\n') + 1);
  return attempt(() => JSON.parse(withoutHeader)) ?? attempt(() => parse(text));
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
