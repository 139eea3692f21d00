import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { described } from '../testing/stub-ec2.js';
import { REGION, useStubEc2 } from '../testing/stub-setup.js';

const bench = useStubEc2();

// In a process of its own, as built: the SDK reads the environment by itself and this library never does.
test('AWS_ENDPOINT_URL_EC2 alone leads every region to another endpoint', async () => {
  bench.stub.answer(described([]));
  const program = `
    import { createEc2Provider } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
    const observer = { operation() {}, retry() {}, retryExhausted() {} };
    const provider = createEc2Provider({ regions: ['${REGION}', 'us-east-1'], observer });
    for (const region of provider.regions) await provider.warmUp(region);
    provider.close();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    env: { AWS_ENDPOINT_URL_EC2: bench.stub.endpoint, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
  });
  expect(bench.stub.calls.map((call) => call.action)).toEqual(['DescribeInstances', 'DescribeInstances']);
});
