import { loadConfig } from '@aegis/config';
import { createLogger } from '@aegis/logging';
import { runService } from '@aegis/service';
import { composeApi } from './compose.js';

await runService({
  name: 'aegis-api',
  compose: () => {
    const config = loadConfig({ env: process.env });
    return composeApi({ config, logger: createLogger({ level: config.logLevel, app: 'api' }) });
  },
});
