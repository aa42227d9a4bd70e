import { expect, test } from 'vitest';
import { nothing } from './amount.ts';
import { mostLines, UsageSheet } from './usage-sheet.ts';

const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = { inputTokens: 1, outputTokens: 2, microUsd: 3n };
const free = { day: null, month: null, tenantLeased: false, agentLeased: false, callerLeased: false };
const leased = { day: '2026-11-22', month: '2026-11-01', tenantLeased: true, agentLeased: false, callerLeased: true };

test('users without end do not make a sheet without end, and what all of them used stays on it', () => {
  const sheet = new UsageSheet();
  for (let user = 0; user < mostLines + 500; user++) sheet.add(free, { ...call, caller: `user:${user}` }, used, nothing);
  sheet.add(free, { ...call, caller: 'user:7' }, used, nothing);
  expect(sheet.requests).toBe(mostLines + 501);
  const lines = sheet.take('u');
  expect(lines).toHaveLength(mostLines + 1);
  expect(lines.find(({ caller }) => caller === '')).toMatchObject({ requests: 500, microUsd: 1_500n });
  expect(lines.find(({ caller }) => caller === 'user:7')).toMatchObject({ requests: 2 });
});

test('what was used out of a caller’s lease is always told as that caller’s', () => {
  const sheet = new UsageSheet();
  for (let user = 0; user < mostLines; user++) sheet.add(free, { ...call, caller: `user:${user}` }, used, nothing);
  sheet.add(leased, { ...call, caller: 'key:k' }, used, nothing);
  expect(sheet.take('u').find(({ caller }) => caller === 'key:k')).toMatchObject({ requests: 1, callerLeased: true });
});
