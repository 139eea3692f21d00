export * from './aegis-client.js';
export * from './api-error.js';
export * from './follow-events.js';
export type { components, operations, paths } from './schema.js';
