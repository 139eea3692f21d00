/** Layers of DESIGN.md: apps import libs, never each other; the domain imports no adapter; tools never ship in a product. */
const TOOLS = '^(libs/(ec2-sim|bench|chaos)|deploy)/';
const PRODUCT = '^(apps|libs/(metrics|config|logging|relays|ec2|queues|service))/';
const TEST = '\\.test\\.ts$|/src/testing/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'apps-never-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'relays-imports-no-adapter',
      comment: 'the domain knows Redis through its own store and nothing else of the outside',
      severity: 'error',
      from: { path: '^libs/relays/src/', pathNot: TEST },
      to: { path: '^(libs|apps|deploy)/', pathNot: '^libs/relays/' },
    },
    {
      name: 'relays-uses-no-vendor-but-ioredis',
      severity: 'error',
      from: { path: '^libs/relays/src/', pathNot: TEST },
      to: { dependencyTypes: ['npm'], pathNot: 'node_modules/ioredis' },
    },
    {
      name: 'only-ec2-imports-the-aws-sdk',
      severity: 'error',
      from: { path: PRODUCT, pathNot: ['^libs/ec2/', TEST] },
      to: { path: 'node_modules/(@aws-sdk|@smithy)' },
    },
    {
      name: 'only-queues-and-jobs-import-bullmq',
      severity: 'error',
      from: { path: PRODUCT, pathNot: ['^libs/queues/', '^apps/jobs/', TEST] },
      to: { path: 'node_modules/bullmq' },
    },
    {
      name: 'api-never-reaches-aws',
      severity: 'error',
      from: { path: '^apps/api/' },
      to: { path: '^libs/ec2/', reachable: true },
    },
    {
      name: 'product-never-imports-tools',
      severity: 'error',
      from: { path: PRODUCT, pathNot: TEST },
      to: { path: TOOLS },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency-in-product',
      severity: 'error',
      from: { path: PRODUCT, pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|^node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
