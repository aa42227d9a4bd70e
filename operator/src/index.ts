export { customResourceDefinition } from './api/crd.ts';
export { resources } from './api/resources.ts';
export { parseConfiguration, type Configuration } from './settings.ts';
export { startOperator } from './start.ts';
