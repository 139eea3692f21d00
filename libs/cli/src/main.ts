import { run } from './run.js';

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());

// A reader that has seen enough, such as `head`, closes the pipe: that is the end, not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run({
  args: process.argv.slice(2),
  env: process.env,
  terminal: {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    live: process.stderr.isTTY === true,
  },
  signal: interrupt.signal,
});
