import { loadConfig } from '@aegis/config';
import { createLogger } from '@aegis/logging';
import { runService } from '@aegis/service';
import { composeJobs } from './compose.js';

await runService({
  name: 'aegis-jobs',
  compose: () => {
    const config = loadConfig({ env: process.env });
    return composeJobs({ config, logger: createLogger({ level: config.logLevel, app: 'jobs' }) });
  },
});
