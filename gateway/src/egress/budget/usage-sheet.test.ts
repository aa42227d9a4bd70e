import { expect, test } from 'vitest';
import { nothing } from './amount.ts';
import { mostCallerLines, UsageSheet } from './usage-sheet.ts';

const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = { inputTokens: 1, outputTokens: 2, microUsd: 3n };
const free = { day: null, month: null, tenantLeased: false, agentLeased: false, callerLeased: false };
const leased = { day: '2026-11-22', month: '2026-11-01', tenantLeased: true, agentLeased: false, callerLeased: true };

test('users without end do not make a sheet without end, and what all of them used stays on it', () => {
  const sheet = new UsageSheet();
  for (let user = 0; user < mostCallerLines.ofTenant + 500; user++) sheet.add(free, { ...call, caller: `user:${user}` }, used, nothing);
  sheet.add(free, { ...call, caller: 'user:7' }, used, nothing);
  expect(sheet.requests).toBe(mostCallerLines.ofTenant + 501);
  const lines = sheet.take('u');
  expect(lines).toHaveLength(mostCallerLines.ofTenant + 1);
  expect(lines.find(({ caller }) => caller === '')).toMatchObject({ requests: 500, microUsd: 1_500n });
  expect(lines.find(({ caller }) => caller === 'user:7')).toMatchObject({ requests: 2 });
});

test('what was used out of a caller’s lease is always told as that caller’s', () => {
  const sheet = new UsageSheet();
  for (let user = 0; user < mostCallerLines.ofTenant; user++) sheet.add(free, { ...call, caller: `user:${user}` }, used, nothing);
  sheet.add(leased, { ...call, caller: 'key:k' }, used, nothing);
  expect(sheet.take('u').find(({ caller }) => caller === 'key:k')).toMatchObject({ requests: 1, callerLeased: true });
});

test('tenants with many callers together do not make a message that the ledger could not take, and begin anew once it is sent', () => {
  const lines = { count: 0 };
  const sheets = Array.from({ length: 6 }, () => new UsageSheet(lines));
  const fill = () => {
    for (const sheet of sheets)
      for (let user = 0; user < mostCallerLines.ofTenant; user++) sheet.add(free, { ...call, caller: `user:${user}` }, used, nothing);
    return sheets.map((sheet) => sheet.take('u')).map((taken) => [taken.length, taken.reduce((sum, { requests }) => sum + requests, 0)]);
  };
  const [all, rest] = [mostCallerLines.ofTenant, 1];
  for (let turn = 0; turn < 2; turn++) expect(fill()).toEqual([all, all, all, all, rest, rest].map((length) => [length, all]));
});

test('lines under a lease that is lost make room for others', () => {
  const lines = { count: 0 };
  const sheet = new UsageSheet(lines);
  for (let user = 0; user < 5; user++) sheet.add(leased, { ...call, caller: `user:${user}` }, used, nothing);
  sheet.add({ ...leased, callerLeased: false }, call, used, nothing);
  sheet.add(free, { ...call, caller: 'user:7' }, used, nothing);
  sheet.dropLeased();
  expect(lines.count).toBe(1);
  expect(sheet.take('u')).toHaveLength(1);
  expect(lines.count).toBe(0);
});
