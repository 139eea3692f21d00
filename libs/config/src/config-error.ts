export interface ConfigFault {
  /** What to change: an environment name, or file, line and key. */
  where: string;
  /** What is wrong with it and what to do, without secrets. */
  problem: string;
}

/** Holds every fault of the configuration; the message is one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** The message is written for the operator: no stack needed. */
  readonly forOperator = true;
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map((fault) => `${fault.where}: ${fault.problem}`).join('\n'));
    this.faults = faults;
  }
}
