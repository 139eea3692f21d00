export interface StackOptions {
  /** Keeps Redis' and the simulator's state and the logs over restarts. Absent: a temporary folder, removed by `stop`. */
  stateDir?: string;
  /** A Redis that is already there; without it the stack starts its own. */
  redisUrl?: string;
  /** Where each app has a user of its own there. */
  redisUrls?: { api: string; jobs: string };
  /**
   * How the stack's own Redis writes its file; `everysec` by default, Redis' own default. Who kills Redis and expects
   * that nothing acknowledged is lost needs `always`.
   */
  appendFsync?: 'always' | 'everysec';
  /** 1 each by default. */
  apiReplicas?: number;
  jobsReplicas?: number;
  /** Of the simulator and of the first replica of each app; absent or 0: a free port. Further replicas take free ones. */
  ports?: { api?: number; jobs?: number; sim?: number };
  /** The YAML file both apps read; deploy/local/aegis.yaml by default. */
  configFile?: string;
  /** Settings of both apps on top of the stack's own. */
  env?: NodeJS.ProcessEnv;
  /** Settings of the simulator on top of the stack's own. */
  simEnv?: NodeJS.ProcessEnv;
  /** What every child inherits. By default only what a program needs to run, so that a test sees no setting of its user. */
  inheritedEnv?: NodeJS.ProcessEnv;
  /** How long each part may take to become ready; 30 s by default. */
  readyTimeoutMs?: number;
  /** Stops the start: everything that runs already is ended and `startStack` rejects. */
  signal?: AbortSignal;
}

const NEEDED_TO_RUN = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];

/** Never a setting of AWS: the local stack must not be able to reach a real account. */
export function childEnv({ inheritedEnv }: StackOptions): NodeJS.ProcessEnv {
  if (inheritedEnv === undefined) return Object.fromEntries(NEEDED_TO_RUN.map((name) => [name, process.env[name]]));
  return Object.fromEntries(Object.entries(inheritedEnv).filter(([name]) => !name.startsWith('AWS_')));
}
