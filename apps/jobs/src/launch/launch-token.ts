import type { LaunchRequest } from '@aegis/ec2';
import { issueLaunchToken } from '@aegis/relays';

/**
 * Stands for the launch token in user data until the request is sent: what is stored in Redis must give no token away. The
 * token derives from the intent's id and the deployment's secret, so a replay sends the very same bytes.
 */
export const LAUNCH_TOKEN_PLACEHOLDER = '__AEGIS_LAUNCH_TOKEN__';

/** The request as EC2 gets it. */
export function withLaunchToken(request: LaunchRequest, secret: string, intentId: string): LaunchRequest {
  const token = issueLaunchToken(secret, intentId);
  return { ...request, userData: request.userData.replaceAll(LAUNCH_TOKEN_PLACEHOLDER, token) };
}
