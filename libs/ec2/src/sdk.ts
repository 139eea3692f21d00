import { createRequire } from 'node:module';

/*
 * By `require`, not `import`: to import a CommonJS package, Node first reads its source for the names it exports, and the
 * SDK's is 2 MB in one file. It is a fifth of the time a process needs to start.
 */
const require = createRequire(import.meta.url);

export const ec2 = require('@aws-sdk/client-ec2') as typeof import('@aws-sdk/client-ec2');
export const smithy = {
  ...(require('@smithy/core/retry') as Pick<typeof import('@smithy/core/retry'), 'StandardRetryStrategy'>),
  ...(require('@smithy/core/protocols') as Pick<typeof import('@smithy/core/protocols'), 'HttpResponse'>),
};
