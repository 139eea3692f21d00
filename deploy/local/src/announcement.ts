export interface Announced {
  apiUrl: string;
  jobsUrl: string;
  simUrl: string;
  redisUrl: string;
  logsDir: string;
  prometheusUrl?: string;
  alertmanagerUrl?: string;
}

/** What `npm run up` prints once everything is ready; the commands can be pasted as they are. */
export function announcement(stack: Announced): string {
  const auth = `-H 'Authorization: Bearer aegis-local-dev-key'`;
  const relays = `${stack.apiUrl}/api/v1/relays`;
  const rows: [string, string | undefined][] = [
    ['api', `${stack.apiUrl}    (metrics: /metrics)`],
    ['jobs', `${stack.jobsUrl}    (metrics: /metrics)`],
    ['simulator', `${stack.simUrl}    (stands in for EC2)`],
    ['redis', stack.redisUrl],
    ['prometheus', stack.prometheusUrl],
    ['alertmanager', stack.alertmanagerUrl],
    ['logs', stack.logsDir],
  ];
  const table = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(12)}  ${value}`]));
  return [
    '',
    ...table,
    '',
    'Create a relay:',
    '',
    `  curl -sS -X POST ${relays} ${auth} \\`,
    `    -H 'Content-Type: application/json' -d '{"leaseSeconds": 600, "labels": {"purpose": "trial"}}'`,
    '',
    'See it become active, and end it (put its id in the place of ID):',
    '',
    `  curl -sS ${auth} ${relays}`,
    `  curl -sS -X DELETE ${auth} ${relays}/ID`,
    '',
    'Ctrl-C stops everything; the state is kept for the next start.',
    '',
  ].join('\n');
}
