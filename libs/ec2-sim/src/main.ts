import { readEnv } from './env.js';
import { startEc2Simulator } from './simulator.js';

function refuse(message: string): void {
  console.error(`ec2-sim: ${message}`);
  process.exitCode = 1;
}

function sentenceOf(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken; set AEGIS_SIM_PORT to another`;
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  const settings = readEnv(process.env);
  if (settings.outcome === 'faults') {
    refuse(settings.faults.join('; '));
    return;
  }
  const { options } = settings;
  try {
    const simulator = await startEc2Simulator(options);
    let stopping = false;
    const stop = () => {
      // A second signal does not wait for the state to be saved.
      if (stopping) process.exit(1);
      stopping = true;
      simulator.stop().catch((error) => refuse(sentenceOf(error, options.host, options.port)));
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    console.log(`ec2-sim: ready at ${simulator.url}`);
  } catch (error) {
    refuse(sentenceOf(error, options.host, options.port));
  }
}

await main();
