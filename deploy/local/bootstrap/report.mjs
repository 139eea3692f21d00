/** A fault the user can act on: its message is one clear line and is all that is shown. */
export class BootstrapError extends Error {}

export function say(line) {
  process.stderr.write(`aegis: ${line}\n`);
}
