import { followEvents, type RelayEvent } from '@aegis/client';
import { type Command, Option } from 'commander';
import type { CommandContext } from './context.js';
import { describeError } from './exit-codes.js';
import { parseDuration } from './parse-options.js';

export interface FollowOption {
  /** Seconds. */
  giveUpAfter: number;
}

/** Adds the option of every command that follows a relay. */
export function addFollowOption(command: Command): Command {
  const option = new Option('--give-up-after <time>', 'when no connection comes about for so long: 30s, 10m');
  return command.addOption(option.argParser(parseDuration).default(60, '60s'));
}

/** A relay's events as they happen; tells when the connection is lost and found, so that nobody waits for nothing. */
export function follow(
  context: Pick<CommandContext, 'signal'>,
  followed: { client: ReturnType<CommandContext['client']>; id: string; note(text: string): void } & FollowOption,
): AsyncGenerator<RelayEvent, void, void> {
  const { client, id, note, giveUpAfter } = followed;
  return followEvents(client, id, {
    signal: context.signal,
    giveUpMs: giveUpAfter * 1000,
    onLost: (cause) =>
      note(`aegis: the connection is lost, trying again for ${giveUpAfter} s: ${describeError(cause)}`),
    onFound: () => note('aegis: connected again'),
  });
}
