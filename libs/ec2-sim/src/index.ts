export type { AgentMode } from './agent/relay-agent.js';
export type * from './control/control-types.js';
export { createSimControl, type SimControl } from './control/sim-control.js';
export { type Ec2Simulator, type Ec2SimulatorOptions, startEc2Simulator } from './simulator.js';
export type { CapacityLimitInput, Quota } from './state/capacity.js';
export {
  type CatalogueOptions,
  DEFAULT_IMAGE_IDS,
  DEFAULT_SECURITY_GROUP_IDS,
  DEFAULT_SUBNET_IDS,
} from './state/catalogue.js';
export type { Clock } from './state/clock.js';
export type { ActiveFault, FaultInput } from './state/faults.js';
export { DEFAULT_REGIONS, DEFAULT_SETTINGS, type Settings } from './state/settings.js';
