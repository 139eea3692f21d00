export * from './job-catalogue.js';
export * from './region-queue.js';
export * from './region-worker.js';
