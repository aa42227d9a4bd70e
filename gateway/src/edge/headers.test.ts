import { expect, test } from 'vitest';
import { headersForCaller } from './headers.ts';

test.each([
  ['cookies of the host', 'set-cookie', 'a=b'],
  ['what browsers keep of the host', 'clear-site-data', '"*"'],
  ['how browsers reach the host', 'strict-transport-security', 'max-age=0'],
  ['another server for the host', 'alt-svc', 'h3="evil.example:443"'],
  ['scripts that stand between browsers and the host', 'service-worker-allowed', '/'],
  ['where browsers report what they ask of the host', 'reporting-endpoints', 'default="https://evil.example"'],
  ['that, in the older words', 'report-to', '{}'],
  ['reports of the host’s network', 'nel', '{}'],
  ['another request of the Ingress, with the caller’s credential', 'x-accel-redirect', '/v1/usage'],
  ['what the Ingress stores', 'x-accel-expires', '3600'],
  ['a file of a proxy', 'x-sendfile', '/etc/passwd'],
  ['whether edge is healthy', 'x-envoy-immediate-health-check-fail', 'true'],
])('an agent does not decide on %s: %s stays with edge', (_, name, value) => {
  expect(headersForCaller({ [name]: value, 'x-of-agent': 'yes', 'content-type': 'text/html' }, 'support')).toEqual({
    'x-of-agent': 'yes',
    'content-type': 'text/html',
    'x-cloister-agent': 'support',
  });
});

test('an agent decides that its own answer is not held back on its way', () => {
  expect(headersForCaller({ 'x-accel-buffering': 'no' }, 'support')).toMatchObject({ 'x-accel-buffering': 'no' });
});
