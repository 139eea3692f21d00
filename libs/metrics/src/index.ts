export { Registry } from 'prom-client';
export * from './catalogue.js';
export * from './create-metrics.js';
export type { InventorySource, RegionInventorySnapshot, SweepSnapshot } from './inventory.js';
export type { HttpRoute, LabelOptions } from './label-domains.js';
export * from './label-values.js';
export * from './metrics-handler.js';
export * from './relay-recording.js';
export { type SeriesBound, seriesBound } from './series.js';
