import type { AegisClient } from '@aegis/client';
import type { Output } from './print.js';
import type { Terminal } from './terminal.js';

/** What every command works with. The client is made when a command runs, not when the line is parsed. */
export interface CommandContext {
  client(): AegisClient;
  output(): Output;
  terminal: Terminal;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}
