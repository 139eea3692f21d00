import { createRequire } from 'node:module';

/** By `require`: to import a CommonJS package, Node first reads its sources for the names it exports, at every start. */
export const bullmq = createRequire(import.meta.url)('bullmq') as typeof import('bullmq');
