import { describe, expect, test } from 'vitest';
import { tenantClassSpec } from '../api/tenant-class.ts';
import { tenantSpec } from '../api/tenant.ts';
import { effectiveLimits } from './limits.ts';

const merge = (spec: object, tenantClass: object = {}) => effectiveLimits(tenantSpec.parse(spec), tenantClassSpec.parse(tenantClass));

describe('a tenant gets', () => {
  test('what is built in where nobody says anything: room, but no model', () => {
    expect(merge({}).limits).toEqual({
      quota: { cpu: '2', memory: '4Gi', pods: 20, agents: 10 },
      models: { allow: [], within: undefined },
      budget: { timeZone: 'UTC', daily: undefined, monthly: undefined },
      egress: { domains: [], ports: [443] },
      rateLimits: { perUser: {} },
      responseCache: { ttlSeconds: 604_800, mebibytes: 16 },
    });
  });
  test('the defaults of its class, field by field', () => {
    expect(merge({ quota: { cpu: 1 } }, { defaults: { quota: { cpu: 4, memory: '1Gi' } } }).limits.quota).toMatchObject({
      cpu: '1',
      memory: '1Gi',
    });
  });
  test('the rates of its class, number by number', () => {
    const rateLimits = { requestsPerMinute: 5, perUser: { tokensPerMinute: 9 } };
    const given = { requestsPerMinute: 7, concurrentRequests: 3, perUser: { tokensPerMinute: 1, requestsPerMinute: 2 } };
    expect(merge({ rateLimits }, { defaults: { rateLimits: given } }).limits.rateLimits).toEqual({
      requestsPerMinute: 5,
      concurrentRequests: 3,
      perUser: { tokensPerMinute: 9, requestsPerMinute: 2 },
    });
  });
  test('what is kept of answers as it says, else as its class does', () => {
    const { responseCache } = merge(
      { responseCache: { ttlSeconds: 60 } },
      { defaults: { responseCache: { ttlSeconds: 90, mebibytes: 5 } } },
    ).limits;
    expect(responseCache).toEqual({ ttlSeconds: 60, mebibytes: 5 });
    expect(merge({}, { ceilings: { responseCache: { ttlSeconds: 90, mebibytes: 0 } } }).limits.responseCache).toEqual({
      ttlSeconds: 90,
      mebibytes: 0,
    });
  });
  test('its own budget window instead of that of its class, not a mixture of both', () => {
    const { budget } = merge(
      { budget: { daily: { usd: 1 } } },
      { defaults: { budget: { daily: { tokens: 5 }, monthly: { usd: 9 } } } },
    ).limits;
    expect(budget).toEqual({ timeZone: 'UTC', daily: { usd: 1 }, monthly: { usd: 9 } });
  });
  test('a budget for each of its users, window by window', () => {
    const { budget } = merge(
      { budget: { perUser: { daily: { usd: 0.1 + 0.2 } } } },
      { defaults: { budget: { perUser: { daily: { tokens: 5 }, monthly: { usd: 9 } } } } },
    ).limits;
    expect(budget).toEqual({ timeZone: 'UTC', perUser: { daily: { usd: 0.3 }, monthly: { usd: 9 } } });
  });
  test('what is done when a budget is exceeded, field by field, and at 80 % where nobody says', () => {
    const of = (own: object, given: object = {}) => merge({ budget: own }, { defaults: { budget: given } }).limits.budget.onExceeded;
    const cheap = { downgradeTo: ['a/small'] };
    expect(of({}, cheap)).toBeUndefined();
    expect(of({ onExceeded: 'Block' }, { onExceeded: 'Throttle' })).toBeUndefined();
    expect(of({ onExceeded: 'Throttle' })).toEqual({ action: 'Throttle', softLimitPercent: 80 });
    expect(of({ softLimitPercent: 50 }, { onExceeded: 'Downgrade', softLimitPercent: 70, ...cheap })).toEqual({
      action: 'Downgrade',
      softLimitPercent: 50,
      downgradeTo: ['a/small'],
    });
  });
  test('money to the millionth of a dollar', () => {
    expect(merge({ budget: { daily: { usd: 0.1 + 0.2 } } }).limits.budget.daily).toEqual({ usd: 0.3 });
  });
});

describe('the ceiling of the class', () => {
  test.each<[string, object, object, string, string | number]>([
    ['cuts CPU written in thousandths', { quota: { cpu: '2500m' } }, { quota: { cpu: 2 } }, 'spec.quota.cpu', '2'],
    ['cuts memory across units', { quota: { memory: '3Gi' } }, { quota: { memory: '2048Mi' } }, 'spec.quota.memory', '2048Mi'],
    [
      'cuts what is kept of answers',
      { responseCache: { mebibytes: 64 } },
      { responseCache: { mebibytes: 8 } },
      'spec.responseCache.mebibytes',
      8,
    ],
    ['cuts pods', { quota: { pods: 50 } }, { quota: { pods: 20 } }, 'spec.quota.pods', 20],
    ['cuts the budget', { budget: { daily: { usd: 9 } } }, { budget: { daily: { usd: 5 } } }, 'spec.budget.daily.usd', 5],
    [
      'cuts the budget of each user',
      { budget: { perUser: { monthly: { tokens: 9 } } } },
      { budget: { perUser: { monthly: { tokens: 5 } } } },
      'spec.budget.perUser.monthly.tokens',
      5,
    ],
    [
      'cuts the rate',
      { rateLimits: { requestsPerMinute: 600 } },
      { rateLimits: { requestsPerMinute: 60 } },
      'spec.rateLimits.requestsPerMinute',
      60,
    ],
    [
      'cuts what one user may have in progress',
      { rateLimits: { perUser: { concurrentRequests: 9 } } },
      { rateLimits: { perUser: { concurrentRequests: 2 } } },
      'spec.rateLimits.perUser.concurrentRequests',
      2,
    ],
  ])('%s and says so', (_, spec, ceilings, field, ceiling) => {
    expect(merge(spec, { ceilings }).cuts).toMatchObject([{ field, ceiling }]);
  });
  test('limits those who set no limit', () => {
    expect(merge({}, { ceilings: { budget: { daily: { usd: 5 } }, rateLimits: { requestsPerMinute: 60 } } }).limits).toMatchObject({
      budget: { daily: { usd: 5 } },
      rateLimits: { requestsPerMinute: 60 },
    });
  });
  test('is silent about defaults of the class itself', () => {
    expect(merge({}, { defaults: { quota: { pods: 30 } }, ceilings: { quota: { pods: 20 } } })).toMatchObject({
      limits: { quota: { pods: 20 } },
      cuts: [],
    });
  });
  test('lets through what is equal in another unit', () => {
    expect(merge({ quota: { memory: '1Gi' } }, { ceilings: { quota: { memory: '1024Mi' } } }).cuts).toEqual([]);
  });
});

describe('what a tenant reaches through egress', () => {
  const egressOf = (own: object | undefined, { defaults, ceilings }: { defaults?: object; ceilings?: object } = {}) => {
    const { limits, cuts } = merge(own ? { network: { egress: own } } : {}, {
      ...(defaults && { defaults: { network: { egress: defaults } } }),
      ...(ceilings && { ceilings: { network: { egress: ceilings } } }),
    });
    return { ...limits.egress, cuts };
  };

  test('is what it names itself, else what its class gives, list by list', () => {
    const defaults = { domains: ['a.example'], ports: [443, 8443] };
    expect(egressOf({ domains: ['b.example'] }, { defaults })).toEqual({ domains: ['b.example'], ports: [443, 8443], cuts: [] });
    expect(egressOf({ domains: [] }, { defaults })).toMatchObject({ domains: [] });
  });
  test('is cut, domain by domain, to what the ceiling covers, and the tenant is told', () => {
    const asked = { domains: ['api.a.example', '*.b.a.example', '*.b.example', 'a.example'], ports: [443, 22] };
    expect(egressOf(asked, { ceilings: { domains: ['*.a.example'], ports: [443] } })).toEqual({
      domains: ['api.a.example', '*.b.a.example'],
      ports: [443],
      cuts: [
        { field: 'spec.network.egress.domains', asked: '*.b.example, a.example', ceiling: '*.a.example' },
        { field: 'spec.network.egress.ports', asked: '22', ceiling: '443' },
      ],
    });
  });
  test('is nothing under a ceiling of no domain', () => {
    expect(egressOf({ domains: ['a.example'] }, { ceilings: { domains: [] } })).toMatchObject({ domains: [], cuts: [{ ceiling: 'none' }] });
  });
});
